import { checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';

/** The end of a block. */
export interface Until {
  /** Milliseconds since the epoch, or ISO 8601 with a zone, such as `2026-12-31T18:00:00+05:30`. */
  readonly until: number | string;
}

/** The blocked subjects of one kind, by id. A `Map` allows ids that an object literal does not, such as `__proto__`. */
export type BlockedIds = readonly string[] | Readonly<Record<string, true | Until>> | ReadonlyMap<string, true | Until>;

/** A block that applies to a charge. */
export interface Block {
  readonly party: 'account' | 'address' | 'subject';
  /** The kind of the blocked subject. */
  readonly subject?: string;
  /** Milliseconds since the epoch; a block without it has no end. */
  readonly until?: number;
  /** The place in the policy that blocks. */
  readonly from: string;
}

/** When a block ends, in milliseconds since the epoch: `Infinity` if it never does. */
export interface Ending {
  readonly until: number;
  readonly from: string;
}

/** What a layer says about a block; `until` is `undefined` where it lifts one. */
export interface Blocked {
  readonly until: number | undefined;
  readonly from: string;
}

export function checkBlocked(path: string, blocked: unknown): Blocked {
  if (blocked === false) return { until: undefined, from: path };
  return { until: checkEnding(path, blocked, 'true, false or an object with `until`'), from: path };
}

export function checkBlockedIds(path: string, ids: unknown): ReadonlyMap<string, Ending> {
  const blocked = new Map<string, Ending>();
  if (ids === undefined) return blocked;
  if (Array.isArray(ids)) {
    for (const [index, id] of ids.entries()) {
      blocked.set(checkString(`${path}[${index}]`, id), { until: Number.POSITIVE_INFINITY, from: `${path}[${index}]` });
    }
    return blocked;
  }
  const entries = ids instanceof Map ? ids : Object.entries(checkOptions(path, ids));
  for (const [id, ending] of entries as Iterable<[string, unknown]>) {
    checkString(`${path} key`, id);
    const from = `${path}.${showName(id)}`;
    blocked.set(id, { until: checkEnding(from, ending, 'true or an object with `until`'), from });
  }
  return blocked;
}

function checkEnding(path: string, ending: unknown, rule: string): number {
  if (ending === true) return Number.POSITIVE_INFINITY;
  if (typeof ending !== 'object' || ending === null) throw optionTypeError(path, rule, ending);
  const { until } = checkOptions(path, ending, ['until']);
  return checkInstant(`${path}.until`, until);
}

/** An instant that is long past is refused only where it looks like seconds, since a block may just have ended. */
function checkInstant(option: string, until: unknown): number {
  if (typeof until === 'number') {
    if (Number.isInteger(until) && until >= EARLIEST && until <= LATEST) return until;
    throw optionRangeError(option, INSTANT_RULE, until);
  }
  if (typeof until !== 'string') throw optionTypeError(option, INSTANT_RULE, until);
  const [, year, month, day] = ISO_8601.exec(until) ?? [];
  // `Date.parse` takes the 30th of February for a day of March.
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (day === undefined || Number(day) > days) throw optionRangeError(option, INSTANT_RULE, until);
  return Date.parse(until);
}

/** 1973 in milliseconds, 5138 in seconds. */
const EARLIEST = 100_000_000_000;
/** The last instant that a `Date` can have. */
const LATEST = 8_640_000_000_000_000;
const INSTANT_RULE = `an integer of milliseconds since the epoch from ${EARLIEST} to ${LATEST}, or ISO 8601 with a zone`;
const ISO_8601 =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
