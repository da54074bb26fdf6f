import type { CounterSpec, MaybePromise, Outcome, Store } from '@tollgate/core';
import { closedError } from '@tollgate/core/kit';
import { Connection, type RedisClient, Script } from '../connection.js';
import { Keys } from '../keys.js';
import { BegunThrottlings, DenyCache, UnsentViolations } from '../refused/index.js';
import { type Operation, PEEK, RECORD, REFUND, RESET_SCRIPT, VIOLATE } from '../script/index.js';
import { RedisUsage } from '../usage/index.js';
import { Batcher } from './batcher.js';
import type { RedisStoreStats } from './channels.js';
import { Consumption, type Learn } from './consumption.js';
import { type RedisStoreOptions, readOptions } from './options.js';

export type { RedisClient } from '../connection.js';
export type { RedisStoreStats } from './channels.js';
export type { RedisStoreOptions } from './options.js';

/**
 * Counters on Redis, so that an account has one limit over any number of processes and hosts. Redis 6.2 to 8 or Valkey,
 * alone, behind Sentinel or as a Cluster.
 *
 * A decision is one script, atomic over all its quotas and counters, by the clock of the server. Charges of one turn of the
 * event loop share a round trip, as do those of an account that come while one is under way.
 *
 * The store itself decides nothing when Redis is away: its promises reject with a `StoreError`, or stay open until the
 * connection answers or breaks. The deadline, the circuit and the decision without a store are the limiter's; see
 * `docs/failure.md`.
 *
 * @example
 * const store = new RedisStore({ client: new Redis('redis://127.0.0.1:6379') });
 * const limiter = new RateLimiter({ policy, store });
 */
export class RedisStore implements Store {
  /** How long a decision may wait for Redis, in milliseconds. */
  readonly timeoutMs: number;
  readonly #client: RedisClient;
  readonly #ownsClient: boolean;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #prefix: string;
  readonly #batcher: Batcher;
  readonly #denials: DenyCache;
  readonly #unsent = new UnsentViolations((account, counters, times) => this.#violate(account, counters, times));
  readonly #began = new BegunThrottlings();
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE`, `TOLLGATE_OPTION_UNKNOWN` or `TOLLGATE_OPTION_CONFLICT`, RangeError
   * `TOLLGATE_OPTION_RANGE`: see the options. Never because Redis cannot be reached.
   */
  constructor(options: RedisStoreOptions) {
    const { client, ownsClient, prefix, timeoutMs, maxBatch, maxPending, denyCacheSize } = readOptions(options);
    this.timeoutMs = timeoutMs;
    this.#client = client;
    this.#ownsClient = ownsClient;
    this.#connection = new Connection(client);
    this.#keys = new Keys(prefix);
    this.#prefix = prefix;
    this.#batcher = new Batcher(this, this.#connection, this.#keys, { timeoutMs, maxBatch, maxPending });
    this.#denials = new DenyCache(denyCacheSize);
  }

  /** Answers at once, without a promise, where the charge is known to be refused. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome> {
    this.#checkOpen();
    // A cost of 0 records nothing.
    if (cost === 0) return this.#ask(PEEK, account, counters, cost) as Promise<Outcome>;
    const askedAt = performance.now();
    const denied = this.#denials.find(account, counters, cost, askedAt);
    if (denied !== undefined) {
      if (denied.violated.length > 0) this.#unsent.add(account, denied.violated);
      return denied.outcomeAt(askedAt);
    }
    const { drops } = this.#denials;
    this.#unsent.send(account);
    return new Promise((resolve, reject) => {
      this.#batcher.add(new Consumption(account, counters, cost, askedAt, drops, this.#learn, resolve, reject));
    });
  }

  peek(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    this.#checkOpen();
    return this.#ask(PEEK, account, counters, cost) as Promise<Outcome>;
  }

  async refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome): Promise<void> {
    this.#checkOpen();
    this.#denials.drop(account);
    await this.#ask(REFUND, account, counters, cost, outcome.now, outcome.token as readonly number[]);
    this.#denials.drop(account);
  }

  async record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): Promise<void> {
    this.#checkOpen();
    if (cost > 0) await this.#ask(RECORD, account, counters, cost, agoMs);
  }

  /** Forgets what is there when it is asked for; a charge that comes meanwhile may begin a counter anew. */
  async reset(account: string, name?: string): Promise<void> {
    this.#checkOpen();
    const index = this.#keys.index(account);
    const named = name === undefined ? [] : [index + Keys.counterEnd(name), index + Keys.violationsEnd(name)];
    await this.#forget(account, index, name === undefined ? () => true : named);
  }

  async pardon(account: string, name?: string): Promise<void> {
    this.#checkOpen();
    const index = this.#keys.index(account);
    await this.#forget(account, index, name === undefined ? Keys.isOfViolations : [index + Keys.violationsEnd(name)]);
  }

  /** Rejects unless Redis could record a charge of the account now. What it writes for that is gone in a second. */
  async probe(account: string): Promise<void> {
    this.#checkOpen();
    if (!this.#connection.ready) await this.#connection.connected(this.timeoutMs);
    await this.#connection.send('SET', this.#keys.probe(this.#keys.index(account)), '1', 'PX', PROBE_LIFE_MS);
  }

  /** On a Cluster, the master that keeps the account. */
  shardOf(account: string): string {
    return this.#connection.isCluster ? this.#connection.shardOf(this.#keys.index(account)) : '';
  }

  /** Usage on the same Redis, through the same client. */
  usage({ keepDays }: { readonly keepDays: number }): RedisUsage {
    return new RedisUsage({ client: this.#client, prefix: this.#prefix, keepDays });
  }

  stats(): RedisStoreStats {
    const { pending, calls, operations } = this.#batcher;
    return { pending, calls, operations, denyCacheHits: this.#denials.hits };
  }

  /** Ends the store, and its client if it was made from a URL; a client that was passed in stays as it is. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent.close();
    this.#batcher.close(closedError('RedisStore'));
    this.#denials.clear();
    if (this.#ownsClient) this.#client.disconnect();
  }

  /** Forgets keys of the account: those given, or those of its index that are meant. */
  async #forget(account: string, index: string, keys: string[] | ((entry: string) => boolean)): Promise<void> {
    this.#denials.drop(account);
    this.#unsent.forget(account);
    let all = keys;
    if (typeof all === 'function') {
      const entries = (await this.#connection.send('ZRANGE', index, 0, -1)) as string[];
      all = entries.filter(all).map((entry) => `${index}:${entry}`);
    }
    for (let at = 0; at < all.length; at += RESET_AT_ONCE) {
      await this.#connection.run(RESET, [index, ...all.slice(at, at + RESET_AT_ONCE)], []);
    }
    this.#denials.drop(account);
    this.#unsent.forget(account);
    this.#began.forget(account);
  }

  async #violate(account: string, counters: readonly CounterSpec[], times: number): Promise<void> {
    const began = (await this.#ask(VIOLATE, account, counters, 0, times)) as readonly string[];
    if (began.length === 0) return;
    this.#denials.drop(account);
    this.#began.add(account, began);
  }

  /** What a refusal teaches, and how it is told. */
  readonly #learn: Learn = (refused, outcome, spares) => {
    const { account, counters, cost, askedAt, drops } = refused;
    if (drops === this.#denials.drops) {
      this.#denials.add(account, counters, cost, outcome, spares, askedAt, performance.now());
    }
    return this.#began.tells(account, counters, outcome) ? { ...outcome, beganThrottling: true } : outcome;
  };

  #ask(
    kind: Operation['kind'],
    account: string,
    counters: readonly CounterSpec[],
    cost: number,
    at = 0,
    births: readonly number[] = NONE,
  ): Promise<Outcome | readonly string[] | undefined> {
    return new Promise((resolve, reject) => {
      const askedAt = performance.now();
      this.#batcher.add({ kind, account, counters, cost, at, births, askedAt, next: undefined, resolve, reject });
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RedisStore');
  }
}

const RESET = new Script(RESET_SCRIPT);
const RESET_AT_ONCE = 500;
const PROBE_LIFE_MS = 1000;
const NONE: readonly number[] = [];
