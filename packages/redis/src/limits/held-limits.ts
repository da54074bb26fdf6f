import type { Layer, Suspension } from '@tollgate/core';

/** The limits of one account as Redis holds them. */
export interface HeldLimits {
  readonly account: string;
  /** As it was given to `set`, in what JSON can say. */
  readonly layer: Layer;
  /** The number of the change that set them: versions are counted over all accounts. */
  readonly version: number;
  readonly by?: string;
  /** When they were set, by the clock of Redis: milliseconds since the epoch. */
  readonly at: number;
}

/** One change, as the log keeps it. */
export interface LimitsChange {
  readonly version: number;
  readonly change: 'set' | 'deleted' | 'suspended' | 'resumed';
  /** Whose limits: `undefined` of a suspension and its end, which concern all. */
  readonly account?: string;
  /** What was set. */
  readonly layer?: Layer;
  readonly by?: string;
  /** Why limiting was suspended. */
  readonly reason?: string;
  /** By the clock of Redis: milliseconds since the epoch. */
  readonly at: number;
}

export const MAX_ACCOUNT_LENGTH = 1024;
/** Of a layer as JSON, in UTF-16 units. */
export const MAX_LAYER_LENGTH = 65_536;

/** Room for a layer with an account, a name and a reason, each unit of which JSON may write as six. */
const MAX_TEXT_LENGTH: number = MAX_LAYER_LENGTH + 6 * 4096;

/** `undefined` for a text that does not hold the limits of an account. Whether its layer makes sense is not looked at. */
export function readHeldLimits(text: unknown): HeldLimits | undefined {
  const said = read(text);
  if (said === undefined || said.account === undefined || said.layer === undefined) return undefined;
  const { account, layer, version, by, at } = said;
  return { account, layer, version, ...(by !== undefined && { by }), at };
}

/** `undefined` for a text that is no entry of the log. */
export function readChange(text: unknown): LimitsChange | undefined {
  const said = read(text);
  if (said === undefined) return undefined;
  const { version, account, layer, by, reason, at } = said;
  const change = CHANGES.find((known) => known === said.change);
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

/** `undefined` for a text that holds no suspension. */
export function readSuspension(text: unknown): Suspension | undefined {
  const said = read(text);
  return said && suspensionOf(said);
}

export function suspensionOf({ at, by, reason }: Pick<Said, 'at' | 'by' | 'reason'>): Suspension {
  return Object.freeze({ since: at, ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) });
}

interface Said {
  readonly version: number;
  readonly at: number;
  readonly change?: unknown;
  readonly account?: string | undefined;
  readonly layer?: Layer | undefined;
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

const CHANGES = ['set', 'deleted', 'suspended', 'resumed'] as const;

/** Whoever may write to Redis may have written anything, so nothing is taken for what it should be. */
function read(text: unknown): Said | undefined {
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
