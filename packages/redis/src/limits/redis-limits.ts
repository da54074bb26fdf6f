import {
  type AccountLayer,
  type AccountSource,
  type Clock,
  type Layer,
  type MaybePromise,
  StoreError,
  type Suspension,
} from '@tollgate/core';
import {
  callSafely,
  causeInWords,
  checkFunction,
  checkInteger,
  checkOptions,
  closedError,
  within,
} from '@tollgate/core/kit';
import { BoundedCalls } from '../bounded-calls.js';
import { Connection } from '../connection.js';
import { Follower } from './follower.js';
import { type Intent, LimitsCommands, LOG_LENGTH, type Made } from './limits-commands.js';
import { LimitsCopy } from './limits-copy.js';
import {
  type ChangeOptions,
  checkAccount,
  checkBy,
  checkChange,
  checkLayer,
  checkReason,
  type RedisLimitsOptions,
  readOptions,
} from './limits-options.js';
import { LimitsReader } from './limits-reader.js';
import { type LimitsChange, LimitsKeys, type StoredLimits, suspensionOf } from './stored-limits.js';
import { type LimitsClient, Subscription } from './subscription.js';

/** The state of this process's copy of the limits. */
export interface LimitsState {
  /**
   * `'loading'`: no limits are loaded yet. `'stale'`: the last loaded limits apply, and Redis has not confirmed them
   * lately. `'lost'`: they apply, and Redis has lost them.
   */
  readonly state: 'loading' | 'fresh' | 'stale' | 'lost';
  /** Of the latest change in the copy; 0 before any. */
  readonly version: number;
  /** The number of accounts with limits in the copy. */
  readonly accounts: number;
  /** When Redis last confirmed the copy: milliseconds since the epoch. */
  readonly loadedAt?: number;
  /** Reads of Redis since the limits were made. */
  readonly reads: number;
  /** Why Redis, or the limits of an account, cannot be read. */
  readonly lastError?: string;
}

/**
 * The limits of single accounts, stored on Redis and changed while services run. Every process that has them follows a
 * change within a second. Give them to a limiter as `accounts`.
 *
 * Each process has a copy of all limits, so a request waits for Redis only before the first load, and for at most
 * `timeoutMs`. While Redis is away, the last loaded limits apply, and so does a suspension.
 *
 * Reads and changes wait for a connection and an answer for at most `timeoutMs`, and then reject with a `StoreError`.
 * Its `charged` is `'no'` if a change was not made. With `ifVersion` a change can be tried again safely.
 *
 * @example
 * const limits = new RedisLimits({ client: new Redis('redis://127.0.0.1:6379') });
 * const limiter = new RateLimiter({ policy, store, accounts: limits });
 * await limits.set('ameyo5m', { categories: { legs: [perMinute(6000)] } }, { by: 'jo' });
 */
export class RedisLimits implements AccountSource {
  /** How long a change, a read or the first load may wait for Redis, in milliseconds. */
  readonly timeoutMs: number;
  readonly #client: LimitsClient;
  readonly #ownsClient: boolean;
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #commands: LimitsCommands;
  readonly #copy = new LimitsCopy();
  readonly #follower: Follower;
  readonly #subscription: Subscription;
  readonly #suspensionListeners = new Set<() => void>();
  readonly #changeListeners = new Set<(accounts: readonly string[]) => void>();
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE`, `TOLLGATE_OPTION_UNKNOWN` or `TOLLGATE_OPTION_CONFLICT`, RangeError
   * `TOLLGATE_OPTION_RANGE`: see the options. Never because Redis cannot be reached.
   */
  constructor(options: RedisLimitsOptions) {
    const { client, ownsClient, prefix, refreshMs, timeoutMs, clock } = readOptions(options);
    this.timeoutMs = timeoutMs;
    this.#client = client;
    this.#ownsClient = ownsClient;
    this.#clock = clock;
    const connection = new Connection(client, 'read or change the limits', clock);
    this.#connection = connection;
    const keys = new LimitsKeys(prefix, connection.keyPrefix);
    this.#commands = new LimitsCommands(new BoundedCalls(connection, timeoutMs), keys);
    this.#follower = new Follower(connection, new LimitsReader(connection, keys, this.#copy), this.#copy, {
      refreshMs,
      timeoutMs,
      clock,
      prefix,
      limitsChanged: (accounts) => {
        for (const changed of [...this.#changeListeners]) changed(accounts);
      },
      suspensionChanged: () => {
        for (const changed of [...this.#suspensionListeners]) changed();
      },
    });
    this.#subscription = new Subscription(client, keys.channel, () => this.#follower.hint());
  }

  /**
   * Sets the limits of an account, in place of earlier ones. Resolves when this process follows them as well.
   *
   * @param account Any text of 1 to 1024 UTF-16 units.
   * @param layer What a policy can have for an account: at most 65536 characters of JSON.
   * @throws TypeError or RangeError for a layer that a policy would refuse; Error `TOLLGATE_LIMITS_CONFLICT` where
   * `ifVersion` does not hold; StoreError `TOLLGATE_STORE_FAILED`.
   */
  async set(account: string, layer: Layer, options: ChangeOptions = {}): Promise<StoredLimits> {
    const { by, ifVersion } = checkChange(options);
    const stored = {
      account: checkAccount(account),
      layer: checkLayer(account, layer),
      ...(by !== undefined && { by }),
    };
    const made = await this.#change({ change: 'set', ...stored, ifVersion });
    return { ...stored, ...made! };
  }

  /**
   * Deletes the limits of an account, so that only the policy applies to it. Resolves with whether there were any.
   *
   * @throws as {@link set} does.
   */
  async delete(account: string, options: ChangeOptions = {}): Promise<boolean> {
    const change = checkChange(options);
    return (await this.#change({ change: 'deleted', account: checkAccount(account), ...change })) !== undefined;
  }

  /**
   * Lets all requests through unlimited, in every process, until {@link resume}. A second suspension replaces the
   * first.
   */
  async suspend(why: { readonly by?: string; readonly reason?: string } = {}): Promise<Suspension> {
    const { by, reason } = checkOptions('suspension', why, ['by', 'reason']);
    const named = { ...checkBy(by), ...checkReason(reason) };
    const made = await this.#change({ change: 'suspended', ...named });
    return suspensionOf({ ...named, at: made!.at });
  }

  /**
   * Ends a suspension, in every process. Resolves with whether there was one. Where Redis has no trace of limits, it
   * may have lost a suspension: that ends too, and the value is true.
   */
  async resume(options: { readonly by?: string } = {}): Promise<boolean> {
    const { by } = checkOptions('resume', options, ['by']);
    return (await this.#change({ change: 'resumed', ...checkBy(by) })) !== undefined;
  }

  /**
   * The limits of an account as they are on Redis now.
   *
   * @throws StoreError `TOLLGATE_STORE_FAILED`, which concerns the `'account'` where its limits cannot be read.
   */
  async get(account: string): Promise<StoredLimits | undefined> {
    this.#checkOpen();
    return this.#commands.get(checkAccount(account));
  }

  /**
   * All limits on Redis, in no order, read about a hundred at a time. An account that is set or deleted meanwhile may
   * be included or not. Limits that cannot be read are left out; `state().lastError` reports them.
   */
  async *list(): AsyncGenerator<StoredLimits, void, undefined> {
    this.#checkOpen();
    yield* this.#commands.list();
  }

  /** The latest changes, of one account or of all, the newest first. Redis stores the last 1000 in all. */
  async history(options: { readonly account?: string; readonly last?: number } = {}): Promise<LimitsChange[]> {
    this.#checkOpen();
    const { account, last = 20 } = checkOptions('history', options, ['account', 'last']);
    const number = checkInteger('last', last, 1, LOG_LENGTH);
    return this.#commands.history(number, account === undefined ? undefined : checkAccount(account));
  }

  /**
   * From this process's copy. A promise only before the first load, and for at most `timeoutMs` after the start.
   * Without a copy there are no limits, and only the policy applies. It works after `close`.
   */
  layerOf(account: string): MaybePromise<AccountLayer | undefined> {
    const { firstLoad } = this.#follower;
    if (!firstLoad.isAwaited) return this.#copy.layerOf(account);
    return firstLoad.awaited.then(() => this.#copy.layerOf(account));
  }

  /** From this process's copy: the same object for as long as the suspension lasts. */
  get suspension(): Suspension | undefined {
    return this.#copy.suspension;
  }

  /** Calls the listener when {@link suspension} has changed. Returns a function that removes it. */
  onSuspension(listener: () => unknown): () => void {
    return addListener(this.#suspensionListeners, 'a suspension', listener);
  }

  /**
   * Calls the listener with the accounts whose limits have changed in this process's copy. Returns a function that
   * removes it.
   */
  onChange(listener: (accounts: readonly string[]) => unknown): () => void {
    return addListener(this.#changeListeners, 'a change of limits', listener);
  }

  /**
   * Waits for the first load, for a service that should not start without its limits.
   *
   * @throws StoreError `TOLLGATE_STORE_FAILED` when the load takes longer than `timeoutMs`. It then goes on.
   */
  async ready(): Promise<void> {
    this.#checkOpen();
    await within(this.#follower.firstLoad.done, this.timeoutMs, () => {
      const { error } = this.#follower;
      const why = error === undefined ? '' : `: ${causeInWords(error)}`;
      throw new StoreError(`Redis did not load the limits within ${this.timeoutMs} ms${why}`, {
        charged: 'no',
        ...(error !== undefined && { cause: (error as StoreError).cause ?? error }),
      });
    });
    this.#checkOpen();
  }

  state(): LimitsState {
    const { loadedAt, isLost, isStale, reads, error } = this.#follower;
    const lastError = error === undefined ? this.#copy.problem : messageOf(error);
    return {
      state: loadedAt === undefined ? 'loading' : isLost ? 'lost' : isStale ? 'stale' : 'fresh',
      version: this.#copy.version.number,
      accounts: this.#copy.size,
      ...(loadedAt !== undefined && { loadedAt }),
      reads,
      ...(lastError !== undefined && { lastError }),
    };
  }

  /** Closes the subscription, and the client if it was made from a URL. The copy stays as it is. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#follower.close();
    this.#subscription.close();
    this.#suspensionListeners.clear();
    this.#changeListeners.clear();
    this.#connection.close();
    if (this.#ownsClient) this.#client.disconnect();
  }

  /** Makes a change, then refreshes the copy. A refresh that fails or takes too long does not undo the change. */
  async #change(intent: Intent): Promise<Made | undefined> {
    this.#checkOpen();
    const startedAt = this.#clock();
    const made = await this.#commands.change(intent);
    const leftMs = Math.max(1, this.timeoutMs - (this.#clock() - startedAt));
    await within(this.#follower.refresh(), leftMs, () => undefined);
    return made;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RedisLimits');
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function addListener<Arguments extends readonly unknown[]>(
  listeners: Set<(...args: Arguments) => void>,
  event: string,
  listener: (...args: Arguments) => unknown,
): () => void {
  checkFunction('listener', listener);
  const call = (...args: Arguments) => callSafely(`A listener of ${event}`, listener, ...args);
  listeners.add(call);
  return () => void listeners.delete(call);
}
