import {
  type AccountLayer,
  type AccountSource,
  type Layer,
  type MaybePromise,
  StoreError,
  type Suspension,
} from '@tollgate/core';
import { checkInteger, checkOptions, closedError } from '@tollgate/core/kit';
import { BoundedCalls, LIMITS_TASK, within } from '../bounded-calls.js';
import { Connection } from '../connection.js';
import { ConnectionWait } from '../connection-wait.js';
import { type ChangeOptions, checkAccount, checkBy, checkChange, checkLayer, checkReason } from './change-check.js';
import { FirstLoad } from './first-load.js';
import { Follower } from './follower.js';
import { type HeldLimits, type LimitsChange, suspensionOf } from './held-limits.js';
import { type Intent, LimitsChanges, LOGGED, type Made } from './limits-changes.js';
import { LimitsCopy } from './limits-copy.js';
import { LimitsKeys } from './limits-keys.js';
import { type RedisLimitsOptions, readOptions } from './limits-options.js';
import { LimitsQuestions } from './limits-questions.js';
import { LimitsReader } from './limits-reader.js';
import type { LimitsState } from './limits-state.js';
import { Listeners } from './listeners.js';
import { type LimitsClient, Subscription } from './subscription.js';

/**
 * The limits of single accounts, held on Redis and changed while services run: every process that has them follows a change
 * within a second. Give them to a limiter as `accounts`.
 *
 * Each process has a copy of all of them, so a request waits for Redis only until the first load, and `timeoutMs` at most.
 * While Redis is away, the last known limits hold, and so does a suspension or that there is none.
 *
 * Questions and changes wait for a connection and an answer `timeoutMs` at most, and then reject with a `StoreError`, whose
 * `charged` is `'no'` if a change was surely not made. With `ifVersion` it may be tried again without harm.
 *
 * @example
 * const limits = new RedisLimits({ client: new Redis('redis://127.0.0.1:6379') });
 * const limiter = new RateLimiter({ policy, store, accounts: limits });
 * await limits.set('ameyo5m', { categories: { legs: [perMinute(6000)] } }, { by: 'jo' });
 */
export class RedisLimits implements AccountSource {
  /** How long a change, a question or the first load may wait for Redis, in milliseconds. */
  readonly timeoutMs: number;
  readonly #client: LimitsClient;
  readonly #ownsClient: boolean;
  readonly #wait: ConnectionWait;
  readonly #changes: LimitsChanges;
  readonly #questions: LimitsQuestions;
  readonly #copy = new LimitsCopy();
  readonly #follower: Follower;
  readonly #subscription: Subscription;
  readonly #firstLoad: FirstLoad;
  readonly #suspensionListeners = new Listeners<void>('a suspension');
  readonly #changeListeners = new Listeners<readonly string[]>('a change of limits');
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE`, `TOLLGATE_OPTION_UNKNOWN` or `TOLLGATE_OPTION_CONFLICT`, RangeError
   * `TOLLGATE_OPTION_RANGE`: see the options. Never because Redis cannot be reached.
   */
  constructor(options: RedisLimitsOptions) {
    const { client, ownsClient, prefix, refreshMs, timeoutMs } = readOptions(options);
    this.timeoutMs = timeoutMs;
    this.#client = client;
    this.#ownsClient = ownsClient;
    this.#firstLoad = new FirstLoad(timeoutMs);
    const connection = new Connection(client, LIMITS_TASK);
    const keys = new LimitsKeys(prefix, connection.keyPrefix);
    this.#wait = new ConnectionWait(connection);
    const calls = new BoundedCalls(connection, this.#wait, timeoutMs);
    this.#changes = new LimitsChanges(calls, keys);
    this.#questions = new LimitsQuestions(calls, keys);
    const reader = new LimitsReader(connection, keys, this.#copy);
    this.#follower = new Follower(connection, this.#wait, reader, this.#copy, {
      refreshMs,
      timeoutMs,
      confirmed: () => this.#firstLoad.finish(),
      limitsChanged: (accounts) => this.#changeListeners.tell(accounts),
      suspensionChanged: () => this.#suspensionListeners.tell(),
    });
    this.#subscription = new Subscription(client, keys.channel, () => this.#follower.hint());
  }

  /**
   * Sets the limits of an account, in place of those that it had, and is done when this process follows them as well.
   *
   * @param account Any text of 1 to 1024 UTF-16 units.
   * @param layer What a policy can say of an account: at most 65536 characters of JSON.
   * @throws TypeError or RangeError for a layer that a policy would refuse; Error `TOLLGATE_LIMITS_CONFLICT` where
   * `ifVersion` does not hold; StoreError `TOLLGATE_STORE_FAILED`.
   */
  async set(account: string, layer: Layer, options: ChangeOptions = {}): Promise<HeldLimits> {
    const { by, ifVersion } = checkChange(options);
    const said = checkLayer(checkAccount(account), layer);
    const made = await this.#change({
      change: 'set',
      account,
      layer: said,
      ...(by !== undefined && { by }),
      ifVersion,
    });
    const { version, at } = made!;
    return { account, layer: said, version, ...(by !== undefined && { by }), at };
  }

  /**
   * Deletes the limits of an account, so that the policy alone speaks of it. The value is whether there were any.
   *
   * @throws as {@link set} does.
   */
  async delete(account: string, options: ChangeOptions = {}): Promise<boolean> {
    const change = checkChange(options);
    return (await this.#change({ change: 'deleted', account: checkAccount(account), ...change })) !== undefined;
  }

  /** Lets everyone through unlimited, in every process, until {@link resume}. A second one takes the place of the first. */
  async suspend(why: { readonly by?: string; readonly reason?: string } = {}): Promise<Suspension> {
    const { by, reason } = checkOptions('suspension', why, ['by', 'reason']);
    const said = { ...checkBy(by), ...checkReason(reason) };
    const made = await this.#change({ change: 'suspended', ...said });
    return suspensionOf({ ...said, at: made!.at });
  }

  /**
   * Ends a suspension, in every process. The value is whether there was one. Where Redis holds no trace of any limits there may
   * have been one that it has lost: that is ended too, and the value is true.
   */
  async resume(options: { readonly by?: string } = {}): Promise<boolean> {
    const { by } = checkOptions('resume', options, ['by']);
    return (await this.#change({ change: 'resumed', ...checkBy(by) })) !== undefined;
  }

  /**
   * The limits of an account as Redis holds them now.
   *
   * @throws StoreError `TOLLGATE_STORE_FAILED`, which concerns the `'account'` where Redis holds something else.
   */
  async get(account: string): Promise<HeldLimits | undefined> {
    this.#checkOpen();
    return this.#questions.get(checkAccount(account));
  }

  /**
   * All that Redis holds, in no order, asked for a hundred or so at a time. An account that is set or deleted meanwhile may
   * come or not. What cannot be read is left out; `state().lastError` tells of it.
   */
  async *list(): AsyncGenerator<HeldLimits, void, undefined> {
    this.#checkOpen();
    yield* this.#questions.list();
  }

  /** The latest changes, the newest first: of one account, or of all. Redis remembers the last 1000 in all. */
  async history(options: { readonly account?: string; readonly last?: number } = {}): Promise<LimitsChange[]> {
    this.#checkOpen();
    const { account, last = 20 } = checkOptions('history', options, ['account', 'last']);
    const number = checkInteger('last', last, 1, LOGGED);
    return this.#questions.history(number, account === undefined ? undefined : checkAccount(account));
  }

  /**
   * From this process's copy; a promise only until the first load, and no longer than `timeoutMs` after the start. Without a
   * copy, the policy alone speaks. Still answered after `close`.
   */
  layerOf(account: string): MaybePromise<AccountLayer | undefined> {
    if (!this.#firstLoad.isAwaited) return this.#copy.layerOf(account);
    return this.#firstLoad.awaited.then(() => this.#copy.layerOf(account));
  }

  /** From this process's copy: the same object for as long as it lasts. */
  get suspension(): Suspension | undefined {
    return this.#copy.suspension;
  }

  onSuspension(listener: () => unknown): () => void {
    return this.#suspensionListeners.add(listener);
  }

  /** Calls the listener with the accounts whose limits have changed in this process's copy. Returns what stops that. */
  onChange(listener: (accounts: readonly string[]) => unknown): () => void {
    return this.#changeListeners.add(listener);
  }

  /**
   * Waits for the first load: for a service that would rather wait than begin without its limits.
   *
   * @throws StoreError `TOLLGATE_STORE_FAILED` when there is none within `timeoutMs`. It may come later all the same.
   */
  async ready(): Promise<void> {
    this.#checkOpen();
    await within(this.#firstLoad.done, this.timeoutMs, () => {
      const why = this.#follower.failure;
      const message = `Redis did not load the limits within ${this.timeoutMs} ms${why === undefined ? '' : `: ${why}`}`;
      return new StoreError(message, { charged: 'no' });
    });
    this.#checkOpen();
  }

  state(): LimitsState {
    const { loadedAt, isLost, isStale, reads, failure } = this.#follower;
    const lastError = failure ?? this.#copy.problem;
    return {
      state: loadedAt === undefined ? 'loading' : isLost ? 'lost' : isStale ? 'stale' : 'fresh',
      version: this.#copy.version.number,
      accounts: this.#copy.size,
      ...(loadedAt !== undefined && { loadedAt }),
      reads,
      ...(lastError !== undefined && { lastError }),
    };
  }

  /** Ends the connection that listens, and the client if it was made from a URL. The copy stays as it is. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#follower.close();
    this.#wait.close();
    this.#subscription.close();
    this.#firstLoad.finish();
    this.#suspensionListeners.clear();
    this.#changeListeners.clear();
    if (this.#ownsClient) this.#client.disconnect();
  }

  /** Makes a change, and has the copy follow it; should that fail, the change is made nevertheless. */
  async #change(intent: Intent): Promise<Made | undefined> {
    this.#checkOpen();
    const startedAt = performance.now();
    const made = await this.#changes.make(intent);
    const leftMs = Math.max(1, this.timeoutMs - (performance.now() - startedAt));
    await within(this.#follower.refresh(), leftMs, () => new Error()).catch(() => {});
    return made;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RedisLimits');
  }
}
