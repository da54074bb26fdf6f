import { encodeName } from '../keys.js';

/**
 * Names on Redis: the limits, their log, and the channel that tells of a change. One hash slot holds both keys. A client's
 * `keyPrefix` comes before keys by itself, and before channels only if it is put there.
 */
export class LimitsKeys {
  readonly limits: string;
  readonly log: string;
  readonly channel: string;

  constructor(prefix: string, keyPrefix: string) {
    this.limits = `${prefix}:limits:{v1}`;
    this.log = `${this.limits}:log`;
    this.channel = `${keyPrefix}${prefix}:limits:v1`;
  }

  get both(): readonly [string, string] {
    return [this.limits, this.log];
  }
}

/** No encoded name begins with `!`. */
export const SUSPENSION_FIELD = '!suspension';
export const VERSION_FIELD = '!version';

export function fieldOf(account: string): string {
  return encodeName(account);
}
