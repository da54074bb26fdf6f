import type { Layer, Suspension } from '@tollgate/core';
import { encodeName } from '../keys.js';

/** The limits of one account as stored on Redis. */
export interface StoredLimits {
  readonly account: string;
  /** The layer that `set` received, after a round trip through JSON. */
  readonly layer: Layer;
  /** The number of the change that set them. Versions are counted over all accounts. */
  readonly version: number;
  readonly by?: string;
  /** When they were set, by the clock of Redis: milliseconds since the epoch. */
  readonly at: number;
}

/** One change, as stored in the log. */
export interface LimitsChange {
  readonly version: number;
  readonly change: 'set' | 'deleted' | 'suspended' | 'resumed';
  /** The account whose limits changed; `undefined` for a suspension and its end, which concern all. */
  readonly account?: string;
  /** What was set. */
  readonly layer?: Layer;
  readonly by?: string;
  /** Why limiting was suspended. */
  readonly reason?: string;
  /** By the clock of Redis: milliseconds since the epoch. */
  readonly at: number;
}

/**
 * The keys of the limits and of their log, in one hash slot, and the channel for changes. A client puts its `keyPrefix`
 * before keys, but not before channels.
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

/** The fields of the hash of limits. No encoded account begins with `!`. */
export const SUSPENSION_FIELD = '!suspension';
export const VERSION_FIELD = '!version';

export function fieldOf(account: string): string {
  return encodeName(account);
}

export const MAX_ACCOUNT_LENGTH = 1024;
/** Of a layer as JSON, in UTF-16 units. */
export const MAX_LAYER_LENGTH = 65_536;

/** Room for a layer, an account, a name and a reason. JSON may write each unit of the last three as six. */
const MAX_TEXT_LENGTH: number = MAX_LAYER_LENGTH + 6 * 4096;

/** `undefined` unless the text has the limits of an account. The layer's content is not checked. */
export function readStoredLimits(text: unknown): StoredLimits | undefined {
  const stored = read(text);
  if (stored === undefined || stored.account === undefined || stored.layer === undefined) return undefined;
  const { account, layer, version, by, at } = stored;
  return { account, layer, version, ...(by !== undefined && { by }), at };
}

/** `undefined` unless the text is an entry of the log. */
export function readChange(text: unknown): LimitsChange | undefined {
  const stored = read(text);
  if (stored === undefined) return undefined;
  const { version, account, layer, by, reason, at } = stored;
  const change = CHANGES.find((known) => known === stored.change);
  const concernsAccount = change === 'set' || change === 'deleted';
  if (change === undefined || concernsAccount !== (account !== undefined)) return undefined;
  if ((change === 'set') !== (layer !== undefined)) return undefined;
  return {
    version,
    change,
    ...(account !== undefined && { account }),
    ...(layer !== undefined && { layer }),
    ...(by !== undefined && { by }),
    ...(reason !== undefined && { reason }),
    at,
  };
}

/** `undefined` unless the text is a suspension. */
export function readSuspension(text: unknown): Suspension | undefined {
  const stored = read(text);
  return stored && suspensionOf(stored);
}

export function suspensionOf({ at, by, reason }: Pick<StoredJson, 'at' | 'by' | 'reason'>): Suspension {
  return Object.freeze({ since: at, ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) });
}

interface StoredJson {
  readonly version: number;
  readonly at: number;
  readonly change?: unknown;
  readonly account?: string | undefined;
  readonly layer?: Layer | undefined;
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

const CHANGES = ['set', 'deleted', 'suspended', 'resumed'] as const;

/** Any client of Redis may have written the text, so every member is checked. */
function read(text: unknown): StoredJson | undefined {
  if (typeof text !== 'string' || text.length > MAX_TEXT_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { version, at, account, layer, by, reason, change } = value;
  if (!isNumber(version) || version < 1 || !isNumber(at)) return undefined;
  if (!isTextOrNothing(account) || !isTextOrNothing(by) || !isTextOrNothing(reason)) return undefined;
  if (account === '' || (account ?? '').length > MAX_ACCOUNT_LENGTH) return undefined;
  if (layer !== undefined && !isObject(layer)) return undefined;
  return { version, at, change, account, layer: layer as Layer | undefined, by, reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isTextOrNothing(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
