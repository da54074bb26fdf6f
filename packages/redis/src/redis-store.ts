import type { CounterSpec, MaybePromise, Outcome, Store } from '@tollgate/core';
import { closedError } from '@tollgate/core/options';
import { Batcher } from './batcher.js';
import { Connection, type RedisClient, Script } from './connection.js';
import { DenyCache } from './deny-cache.js';
import { Keys } from './keys.js';
import { CONSUME, type Operation, PEEK, RECORD, REFUND } from './operation.js';
import { type RedisStoreOptions, readOptions } from './options.js';
import { RESET_SCRIPT } from './scripts/reset.js';

export type { RedisClient } from './connection.js';
export type { RedisStoreOptions } from './options.js';

export interface RedisStoreStats {
  /** Operations that wait to be sent or to be answered. */
  readonly pending: number;
  /** Calls of the script since the store was made, and the operations that went in them. */
  readonly calls: number;
  readonly operations: number;
  /** Refusals that were known here, without asking Redis. */
  readonly denyCacheHits: number;
}

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
  readonly #batcher: Batcher;
  readonly #denials: DenyCache;
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
    this.#batcher = new Batcher(this.#connection, this.#keys, { timeoutMs, maxBatch, maxPending });
    this.#denials = new DenyCache(denyCacheSize);
  }

  /** Answers at once, without a promise, where the charge is known to be refused. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome> {
    this.#checkOpen();
    // A cost of 0 records nothing.
    if (cost === 0) return this.#ask(PEEK, account, counters, cost) as Promise<Outcome>;
    const askedAt = performance.now();
    const denied = this.#denials.find(account, counters, cost, askedAt);
    if (denied !== undefined) return denied;
    const { drops } = this.#denials;
    return this.#ask(CONSUME, account, counters, cost, 0, [], askedAt).then((answer) => {
      const outcome = answer as Outcome;
      if (!outcome.allowed && drops === this.#denials.drops) {
        this.#denials.add(account, counters, cost, outcome, askedAt, performance.now());
      }
      return outcome;
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
    this.#denials.drop(account);
    const index = this.#keys.index(account);
    if (name !== undefined) {
      await this.#connection.run(RESET, [index, this.#keys.counter(index, name)], []);
    } else {
      const names = await this.#connection.send('ZRANGE', index, 0, -1);
      const keys = (names as string[]).map((name) => `${index}:${name}`);
      for (let at = 0; at < keys.length; at += RESET_AT_ONCE) {
        await this.#connection.run(RESET, [index, ...keys.slice(at, at + RESET_AT_ONCE)], []);
      }
    }
    this.#denials.drop(account);
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

  stats(): RedisStoreStats {
    const { pending, calls, operations } = this.#batcher;
    return { pending, calls, operations, denyCacheHits: this.#denials.hits };
  }

  /** Ends the store, and its client if it was made from a URL; a client that was passed in stays as it is. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#batcher.close(closedError('RedisStore'));
    this.#denials.clear();
    if (this.#ownsClient) this.#client.disconnect();
  }

  #ask(
    kind: Operation['kind'],
    account: string,
    counters: readonly CounterSpec[],
    cost: number,
    at = 0,
    births: readonly number[] = [],
    askedAt: number = performance.now(),
  ): Promise<Outcome | undefined> {
    return new Promise((resolve, reject) => {
      this.#batcher.add({ kind, account, counters, cost, at, births, askedAt, resolve, reject });
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RedisStore');
  }
}

const RESET = new Script(RESET_SCRIPT);
const RESET_AT_ONCE = 500;
const PROBE_LIFE_MS = 1000;
