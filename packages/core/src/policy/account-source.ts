import { optionTypeError, showName } from '../errors.js';
import { isPromise, type MaybePromise, within } from '../promises.js';
import { type CheckedLayer, checkLayer, type Layer, PARTY_OPTIONS } from './layer.js';

/** The limits of one account, checked and ready to use; see {@link defineAccountLayer}. */
export type AccountLayer = CheckedLayer;

/**
 * Checks the limits of one account, by the rules for an entry of a policy's `accounts`. Errors call the layer `path`.
 * Keep the result as long as it applies: work done for a layer is cached by the object. Sources store and compare
 * layers as JSON, so blocked subjects are a list or a plain object here.
 *
 * @throws TypeError or RangeError: see {@link definePolicy}.
 *
 * @example
 * const layer = defineAccountLayer({ categories: { legs: [perMinute(6000)] } });
 */
export function defineAccountLayer(layer: Layer, path = 'accounts'): AccountLayer {
  const checked = checkLayer(path, layer, '', 0, PARTY_OPTIONS);
  for (const [kind, entry] of Object.entries(layer.each ?? {})) {
    const blocked = typeof entry === 'object' && 'blocked' in entry ? entry.blocked : undefined;
    // JSON would keep nothing of it.
    if (blocked instanceof Map) {
      throw optionTypeError(`${path}.each.${showName(kind)}.blocked`, 'a list or a plain object', blocked);
    }
  }
  return checked;
}

/** Limiting is suspended: every request passes. */
export interface Suspension {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly by?: string;
  readonly reason?: string;
}

/**
 * Provides limits of single accounts while the service runs. A source's layer is more specific than every layer of the
 * policy.
 */
export interface AccountSource {
  /**
   * The account's layer; `undefined` leaves the account to the policy. Called with every charge, so answer from memory
   * where possible, and within a bounded time elsewhere. A rejection counts as `undefined`.
   *
   * @param account Any string.
   */
  layerOf(account: string): MaybePromise<AccountLayer | undefined>;

  /** While this is set, limiters that use the source let every request pass. */
  readonly suspension?: Suspension | undefined;

  /** Calls the listener when {@link suspension} begins or ends. Returns a function that unsubscribes. */
  onSuspension?(listener: () => void): () => void;
}

/** Several sources as one: the first layer found wins. A source that fails or is slow cannot delay a request. */
export class AccountSources {
  readonly #sources: readonly AccountSource[];
  readonly #timeoutMs: number;
  /** Questions without an answer in time. */
  failures = 0;

  constructor(sources: readonly AccountSource[], timeoutMs: number) {
    this.#sources = sources;
    this.#timeoutMs = timeoutMs;
  }

  get isEmpty(): boolean {
    return this.#sources.length === 0;
  }

  /** The first suspension found. A source whose getter throws suspends nothing. */
  get suspension(): Suspension | undefined {
    try {
      return this.#sources.find(({ suspension }) => suspension !== undefined)?.suspension;
    } catch {
      return undefined;
    }
  }

  /** Returns a function that unsubscribes. */
  onSuspension(listener: () => void): () => void {
    const stops = this.#sources.map((source) => source.onSuspension?.(listener));
    return () => {
      for (const stop of stops) stop?.();
    };
  }

  layerOf(account: string, from = 0): MaybePromise<AccountLayer | undefined> {
    for (let index = from; index < this.#sources.length; index++) {
      const layer = this.#ask(this.#sources[index]!, account);
      if (isPromise(layer)) return layer.then((found) => found ?? this.layerOf(account, index + 1));
      // Sources often pass on a database's null, with or without a promise around it.
      if (layer !== undefined && layer !== null) return layer;
    }
    return undefined;
  }

  #ask(source: AccountSource, account: string): MaybePromise<AccountLayer | undefined> {
    try {
      const layer = source.layerOf(account);
      if (!isPromise(layer)) return layer;
      return within(layer, this.#timeoutMs, () => this.#failed()).catch(() => this.#failed());
    } catch {
      return this.#failed();
    }
  }

  #failed(): undefined {
    this.failures++;
    return undefined;
  }
}
