import {
  type AccountLayer,
  type AccountSource,
  defineAccountLayer,
  type Layer,
  type MaybePromise,
} from '@tollgate/core';
import { asError, checkFunction, closedError, isPromise, ownCopy, showName, within } from '@tollgate/core/kit';
import { type AccountLimitsOptions, type CheckedOptions, readOptions } from './account-limits-options.js';
import { type CachedLayer, LayerCache } from './layer-cache.js';

/**
 * Returns the limits of an account, or `undefined` or `null` when it has none of its own. It should give up when the
 * signal aborts.
 */
export type FetchLimits = (
  account: string,
  context: { readonly signal: AbortSignal },
) => MaybePromise<Layer | AccountLayer | null | undefined>;

export interface AccountLimitsStats {
  /** Charges that used a fresh answer. */
  readonly hits: number;
  /** Charges that used an older answer. */
  readonly stale: number;
  readonly fetches: number;
  readonly failures: number;
  /** Charges whose account was not fetched, because too many fetches were pending. */
  readonly unasked: number;
  /** The number of cached accounts. */
  readonly accounts: number;
}

/**
 * Limits of single accounts from a function, which may ask a database or another service; for the `accounts` of a
 * limiter. Answers are cached and renewed in the background. Few requests wait, and none longer than `timeoutMs`. When
 * the function throws, hangs, or returns something that is not a layer, the last good answer stays in use, or else the
 * policy alone decides.
 *
 * Charges of one account share one fetch. An account whose name has more than 1024 characters is never fetched.
 *
 * @throws TypeError or RangeError, with a `TOLLGATE_…` code, for options that it cannot use.
 *
 * @example
 * const accounts = accountLimits((account, { signal }) => database.limitsOf(account, { signal }));
 * const limiter = new RateLimiter({ policy, accounts });
 */
export function accountLimits(fetch: FetchLimits, options: AccountLimitsOptions = {}): AccountLimits {
  return new AccountLimits(fetch, options);
}

/** Made by {@link accountLimits}. */
export class AccountLimits implements AccountSource {
  readonly #fetch: FetchLimits;
  readonly #options: CheckedOptions;
  readonly #cache: LayerCache;
  /** The fetches whose answers will be cached, by account. */
  readonly #current = new Map<string, PendingFetch>();
  /** All fetches that have not ended, those of forgotten accounts included. */
  readonly #pending = new Set<PendingFetch>();
  #isFailing = false;
  #hits = 0;
  #stale = 0;
  #fetches = 0;
  #failures = 0;
  #unasked = 0;
  #closed = false;

  constructor(fetch: FetchLimits, options: AccountLimitsOptions = {}) {
    this.#fetch = checkFunction('fetch', fetch);
    this.#options = readOptions(options);
    this.#cache = new LayerCache(this.#options.maxAccounts);
  }

  /** The layer of an account. A promise, which never rejects, when no usable answer is cached. */
  layerOf(account: string): MaybePromise<AccountLayer | undefined> {
    if (this.#closed) throw closedError('accountLimits');
    if (account.length > LONGEST_NAME) return undefined;
    const now = this.#options.clock();
    const cached = this.#cache.get(account);
    if (cached !== undefined && now < cached.fetchAgainAt) {
      this.#hits++;
      return this.#isUsable(cached, now) ? cached.layer : undefined;
    }
    const fetch = this.#current.get(account) ?? this.#start(account);
    if (fetch !== undefined && !(fetch instanceof PendingFetch)) return fetch.layer;
    if (cached === undefined || !this.#isUsable(cached, now)) {
      if (fetch === undefined) return this.#options.unasked === 'deny' ? DENIED : undefined;
      return fetch.wait(this.#options.timeoutMs);
    }
    this.#stale++;
    return cached.layer;
  }

  /** Drops the answer for an account, or all answers. The next charge fetches again. */
  forget(account?: string): void {
    if (account === undefined) {
      this.#cache.clear();
      this.#current.clear();
    } else {
      this.#cache.delete(account);
      this.#current.delete(account);
    }
  }

  stats(): AccountLimitsStats {
    return {
      hits: this.#hits,
      stale: this.#stale,
      fetches: this.#fetches,
      failures: this.#failures,
      unasked: this.#unasked,
      accounts: this.#cache.size,
    };
  }

  /** Aborts pending fetches and drops all answers. Close the limiters that use it first. */
  close(): void {
    this.#closed = true;
    for (const fetch of this.#pending) fetch.abort('accountLimits was closed');
    this.forget();
  }

  /** The fetch; its layer, when the function returned at once; `undefined` when too many fetches are pending. */
  #start(name: string): PendingFetch | Pick<CachedLayer, 'layer'> | undefined {
    if (this.#pending.size >= this.#options.maxPending) {
      this.#unasked++;
      return undefined;
    }
    const account = ownCopy(name);
    this.#fetches++;
    const fetch = new PendingFetch();
    this.#pending.add(fetch);
    this.#current.set(account, fetch);
    try {
      const answer = this.#fetch(account, { signal: fetch.signal });
      if (!isPromise(answer)) return { layer: this.#succeeded(account, fetch, answer) };
      fetch.follow(
        answer,
        this.#options.abortMs,
        (answer) => this.#succeeded(account, fetch, answer),
        (thrown) => this.#failed(account, fetch, thrown),
      );
      return fetch;
    } catch (thrown) {
      return { layer: this.#failed(account, fetch, thrown) };
    }
  }

  #succeeded(account: string, fetch: PendingFetch, answer: Answer): AccountLayer | undefined {
    const read = readAnswer(account, answer, this.#cache.get(account));
    this.#isFailing = false;
    const answeredAt = this.#options.clock();
    this.#end(account, fetch, { ...read, answeredAt, fetchAgainAt: answeredAt + this.#options.freshMs });
    return read.layer;
  }

  #failed(account: string, fetch: PendingFetch, thrown: unknown): AccountLayer | undefined {
    const cached = this.#cache.get(account) ?? NO_ANSWER;
    const now = this.#options.clock();
    this.#end(account, fetch, { ...cached, fetchAgainAt: now + this.#options.retryMs });
    if (this.#closed) return undefined;
    this.#failures++;
    const wasFailing = this.#isFailing;
    this.#isFailing = true;
    if (this.#options.onError !== undefined) this.#options.onError(asError(thrown), account);
    else if (!wasFailing) process.emitWarning(`The limits of accounts cannot be fetched: ${asError(thrown).message}`);
    return this.#isUsable(cached, now) ? cached.layer : undefined;
  }

  /** An answer is dropped when its account was forgotten after the fetch began. */
  #end(account: string, fetch: PendingFetch, cached: CachedLayer): void {
    this.#pending.delete(fetch);
    if (this.#current.get(account) !== fetch) return;
    this.#current.delete(account);
    this.#cache.set(account, cached);
  }

  /** True also while every fetch of the account has failed: otherwise one request after the other would wait. */
  #isUsable({ answeredAt }: Pick<CachedLayer, 'answeredAt'>, now: number): boolean {
    const { freshMs, staleMs } = this.#options;
    return answeredAt === Number.NEGATIVE_INFINITY || now < answeredAt + freshMs + staleMs;
  }
}

/** A call of the function that returned a promise. It ends with an answer, a failure, or an abort after `abortMs`. */
class PendingFetch {
  readonly #controller = new AbortController();
  /** The layer to use; never rejects. */
  #layer: Promise<AccountLayer | undefined> = Promise.resolve(undefined);
  #waiting: Promise<AccountLayer | undefined> | undefined;
  #isOverdue = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  follow(
    answer: Promise<Answer>,
    abortMs: number,
    succeeded: (answer: Answer) => AccountLayer | undefined,
    failed: (thrown: unknown) => AccountLayer | undefined,
  ): void {
    const { signal } = this;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    // Not `within`: a fetch that hangs must not keep the process alive.
    const timer = setTimeout(() => this.abort(`There was no answer within ${abortMs} ms`), abortMs).unref();
    this.#layer = Promise.race([answer, aborted])
      .finally(() => clearTimeout(timer))
      .then(succeeded)
      .catch(failed);
  }

  abort(why: string): void {
    this.#controller.abort(new Error(why));
  }

  /** The layer; `undefined` once the first caller has waited for `timeoutMs`. All callers share one promise. */
  wait(timeoutMs: number): Promise<AccountLayer | undefined> | undefined {
    if (this.#isOverdue) return undefined;
    this.#waiting ??= within(this.#layer, timeoutMs, () => {
      this.#isOverdue = true;
      return undefined;
    });
    return this.#waiting;
  }
}

type Answer = Awaited<ReturnType<FetchLimits>>;

const NO_ANSWER = { layer: undefined, json: undefined, answeredAt: Number.NEGATIVE_INFINITY };

/** Returns the previous layer when the answer equals it, so that limiters keep what they have computed for it. */
function readAnswer(
  account: string,
  answer: Answer,
  before: CachedLayer | undefined,
): Pick<CachedLayer, 'layer' | 'json'> {
  if (answer === undefined || answer === null) return { layer: undefined, json: undefined };
  if (isChecked(answer)) return { layer: answer, json: undefined };
  const layer = defineAccountLayer(answer, `accounts.${showName(account)}`);
  const json = JSON.stringify(answer);
  return json === before?.json ? { layer: before.layer, json } : { layer, json };
}

/** Only a checked layer has a path. */
function isChecked(answer: Layer | AccountLayer): answer is AccountLayer {
  return typeof answer === 'object' && 'path' in answer && 'ordinal' in answer;
}

/**
 * Refuses every charge, on one counter, and keeps no violations: invented accounts must not cost memory. An observed
 * policy stays observed.
 */
const DENIED = defineAccountLayer(
  { quotas: [{ limit: 0, windowMs: 1000, name: 'unasked' }], total: 'unlimited', throttle: false, replace: true },
  'accountLimits.unasked',
);

/** Longer than any real name. Clients could fill the cache with long invented names. */
const LONGEST_NAME = 1024;
