import type { Clock, CounterSpec, MaybePromise, Outcome, ReceiptClaims, Store } from '@tollgate/core';
import { causeInWords, checkInteger, checkOptions, closedError } from '@tollgate/core/kit';
import type { RedisClient } from '../client.js';
import { Connection, Script } from '../connection.js';
import { Keys } from '../keys.js';
import {
  type CountersOfAccount,
  type Denial,
  DenyCache,
  UnreportedThrottlings,
  UnsentViolations,
} from '../refused/index.js';
import {
  type Answer,
  type ChargeFollower,
  CONSUME,
  FIND_SCRIPT,
  joinsAccounts,
  Operation,
  ownersOf,
  PEEK,
  RECORD,
  REFUND,
  RESET_SCRIPT,
  type Refusal,
  type Request,
  VIOLATE,
} from '../script/index.js';
import { RedisUsage } from '../usage/index.js';
import { Batcher } from './batcher.js';
import type { RedisStoreStats } from './channels.js';
import { type RedisStoreOptions, readOptions } from './options.js';
import { type Part, type PartCalls, SeveralSlots } from './several-slots.js';
import { tryCharge, untilCharged } from './trial-charge.js';

export type { RedisClient } from '../client.js';
export type { RedisStoreStats } from './channels.js';
export type { RedisStoreOptions } from './options.js';

/**
 * Counters on Redis: an account has one limit over any number of processes and hosts. Redis 6.2 to 8 or Valkey, alone,
 * behind Sentinel or as a Cluster.
 *
 * A decision is one script, atomic over all its quotas and counters, by the clock of the server. Charges of one turn of
 * the event loop share a round trip, and so do charges of an account that arrive during one. On a Cluster, a charge of
 * several accounts is one script for each slot, and is given back where one of them refuses it.
 *
 * The store decides nothing while Redis is away. Its promises reject with a `StoreError`, or stay open until the
 * connection answers or breaks. The limiter has the deadline and the circuit, and decides without the store; see
 * `docs/failure.md`.
 *
 * @example
 * const store = new RedisStore({ client: new Redis('redis://127.0.0.1:6379') });
 * const limiter = new RateLimiter({ policy, store });
 */
export class RedisStore implements Store {
  /** How long a decision may wait for Redis, in milliseconds. */
  readonly timeoutMs: number;
  readonly receipts: ReceiptClaims;
  readonly joinsAccounts = true;
  readonly #client: RedisClient;
  readonly #ownsClient: boolean;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #batcher: Batcher;
  readonly #denials: DenyCache;
  readonly #unsent = new UnsentViolations((account, counters, times) => this.#violate(account, counters, times));
  readonly #unreported = new UnreportedThrottlings();
  /** Only on a Cluster. */
  readonly #slots: SeveralSlots | undefined;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE`, `TOLLGATE_OPTION_UNKNOWN` or `TOLLGATE_OPTION_CONFLICT`, RangeError
   * `TOLLGATE_OPTION_RANGE`: see the options. Never because Redis cannot be reached.
   */
  constructor(options: RedisStoreOptions) {
    const { client, ownsClient, prefix, denyCacheSize, ...batching } = readOptions(options);
    const { timeoutMs, clock } = batching;
    this.timeoutMs = timeoutMs;
    this.#client = client;
    this.#ownsClient = ownsClient;
    this.#connection = new Connection(client, 'take the charge', clock);
    this.#keys = new Keys(prefix);
    this.#prefix = prefix;
    this.receipts = { key: prefix, claim: (account, id, forMs) => this.#claim(account, id, forMs) };
    this.#clock = clock;
    this.#batcher = new Batcher(this, this.#connection, this.#keys, batching);
    this.#denials = new DenyCache(denyCacheSize);
    this.#slots = this.#connection.isCluster ? new SeveralSlots(this.#partCalls()) : undefined;
  }

  /** Returns an outcome without a promise where the deny cache has the refusal. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome> {
    this.#checkOpen();
    // A cost of 0 records nothing.
    if (cost === 0) return this.peek(account, counters, cost);
    const askedAt = this.#clock();
    const denied = this.#deniedAt(askedAt, account, counters, cost);
    if (denied !== undefined) return denied.outcomeAt(askedAt);
    const parts = this.#slots?.partsOf(account, counters);
    if (parts === undefined) return this.#charge({ account, counters, cost, askedAt }, this.#follower);
    return this.#chargeParts(parts, { account, counters, cost, askedAt });
  }

  async peek(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    this.#checkOpen();
    const parts = this.#slots?.partsOf(account, counters);
    if (parts !== undefined) return this.#slots!.peek(parts, cost);
    return this.#ask({ kind: PEEK, account, counters, cost, askedAt: this.#clock() });
  }

  async refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome): Promise<void> {
    this.#checkOpen();
    const parts = this.#slots?.partsOf(account, counters);
    if (parts !== undefined) return this.#slots!.refund(parts, cost, outcome);
    await this.#refund(account, counters, cost, outcome);
  }

  async record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): Promise<void> {
    this.#checkOpen();
    const parts = this.#slots?.partsOf(account, counters);
    if (parts !== undefined) return this.#slots!.record(parts, cost, agoMs);
    await this.#record(account, counters, cost, agoMs);
  }

  /** Deletes the counters that exist at the call. A charge that arrives during the call may begin a counter anew. */
  async reset(account: string, name?: string, limiter?: string): Promise<void> {
    this.#checkOpen();
    await this.#delete(account, { name, limiter }, true);
  }

  async pardon(account: string, name?: string, limiter?: string): Promise<void> {
    this.#checkOpen();
    await this.#delete(account, { name, limiter }, false);
  }

  /**
   * Waits until Redis can record charges: connected, with the right password, in the right database, and with the
   * rights of a charge, on a Cluster on every master. For a service that should not start with limits of its own.
   *
   * @param options.timeoutMs How long to wait, trying again and again: an integer from 1 to 60000, default 5000.
   * @throws StoreError `TOLLGATE_STORE_FAILED` after that time. Its `cause` is what the server or the network answered
   * last, such as `WRONGPASS`, `NOPERM` or `ECONNREFUSED`.
   */
  async ready(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#checkOpen();
    const { timeoutMs = 5000 } = checkOptions('ready', options, ['timeoutMs']) as typeof options;
    await untilCharged(this.#connection, this.#keys, checkInteger('timeoutMs', timeoutMs, 1, 60_000));
    this.#checkOpen();
  }

  /**
   * Rejects unless Redis could record a charge of the account now. The probe charges a counter beside the account's,
   * which expires within seconds.
   */
  async probe(account: string): Promise<void> {
    this.#checkOpen();
    await this.#connection.connected(this.timeoutMs);
    await tryCharge(this.#connection, this.#keys, this.#keys.trial(this.#keys.index(account)));
  }

  /** What the network or the server answered last, where the account's charges are not answered. */
  cause(account: string): unknown {
    return this.#connection.errorOf(this.#keys.index(account));
  }

  /** On a Cluster, the master with the account's keys. */
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

  /**
   * Closes the store, and its client if it was made from a URL. A client that was passed in stays open. On a Cluster,
   * charges of several accounts that are under way are answered first, for at most `timeoutMs`.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent.close();
    // A part that is reserved while another is refused would count until it has left its windows.
    await this.#slots?.settled(this.timeoutMs);
    this.#batcher.close(closedError('RedisStore'));
    this.#denials.clear();
    this.#connection.close();
    if (this.#ownsClient) this.#client.disconnect();
  }

  /** Deletes the violations of the counters, and with `isReset` the counters as well. */
  async #delete(account: string, which: CountersOfAccount, isReset: boolean): Promise<void> {
    this.#forget(account, which);
    const index = this.#keys.index(account);
    for await (const ends of this.#endsOf(index, which)) {
      const keys = ends.filter((end) => isReset || Keys.isOfViolations(end)).map((end) => index + end);
      for (let from = 0; from < keys.length; from += AT_ONCE) {
        await this.#connection.run(RESET, [index, ...keys.slice(from, from + AT_ONCE)], []);
      }
    }
    this.#forget(account, which);
    this.#unreported.forget(account, which);
  }

  /** The ends of the keys of these counters, some at a time: an account may have a million. */
  async *#endsOf(index: string, { name, limiter }: CountersOfAccount): AsyncGenerator<readonly string[]> {
    if (name !== undefined) {
      yield [Keys.counterEnd(name), Keys.violationsEnd(name)];
      return;
    }
    const isWanted = (end: string) => limiter === undefined || Keys.limiterNameOf(end) === limiter;
    try {
      for await (const ends of this.#indexed(index)) yield ends.filter(isWanted);
    } catch (error) {
      if (!causeInWords(error).startsWith('WRONGTYPE')) throw error;
      yield [''];
      for await (const ends of this.#found(index)) yield ends.filter(isWanted);
    }
  }

  /** The ends of the keys that the index names. */
  async *#indexed(index: string): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const part = await this.#connection.send('ZSCAN', index, cursor, 'COUNT', AT_ONCE);
      const [next, entries] = part as [next: string, namesAndScores: string[]];
      yield entries.filter((_, place) => place % 2 === 0).map((name) => `:${name}`);
      cursor = next;
    } while (cursor !== '0');
  }

  /** Looks for the keys of an account among all keys. Only a spoilt index makes that necessary. */
  async *#found(index: string): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const [next, ...ends] = (await this.#connection.run(FIND, [index], [cursor, FIND_AT_ONCE])) as string[];
      yield ends.filter((end) => !Keys.isOfReceipt(end));
      cursor = next!;
    } while (cursor !== '0');
  }

  /** One command, so of several processes with the receipt one is the first. */
  async #claim(account: string, id: string, forMs: number): Promise<boolean> {
    this.#checkOpen();
    const key = this.#keys.receipt(this.#keys.index(account), id);
    return (await this.#connection.send('SET', key, '', 'PX', forMs, 'NX')) !== null;
  }

  /** The refusal that the deny cache has, and counts its violations. */
  #deniedAt(now: number, account: string, counters: readonly CounterSpec[], cost: number): Denial | undefined {
    const denied = this.#denials.find(account, counters, cost, now);
    if (denied !== undefined && denied.violated.length > 0) this.#unsent.add(denied.violated);
    return denied;
  }

  #charge(charge: Charge, follower: ChargeFollower): Promise<Outcome> {
    const { account, counters, cost, askedAt } = charge;
    const { drops } = this.#denials;
    this.#unsent.send(account);
    if (joinsAccounts(counters)) for (const owner of ownersOf(account, counters)) this.#unsent.send(owner);
    return this.#ask({ kind: CONSUME, account, counters, cost, askedAt, drops, follower });
  }

  async #chargeParts(parts: readonly Part[], charge: Charge): Promise<Outcome> {
    const { drops } = this.#denials;
    const { outcome, unchangedMs, returned } = await this.#slots!.consume(parts, charge.cost);
    // Each part that was given back has cleared its accounts from the deny cache, before and after.
    const isCurrent = this.#denials.drops === drops + 2 * returned;
    // Which refusal begins a throttling is up to Redis.
    const isThrottled = charge.counters.some(({ throttle }) => throttle !== undefined);
    if (!outcome.allowed && isCurrent && !isThrottled) {
      const refusal = { charge: { kind: CONSUME, ...charge }, outcome, unchangedMs, violationsLeft: [] } as const;
      this.#denials.add(refusal, this.#clock());
    }
    return outcome;
  }

  #partCalls(): PartCalls {
    const untilChange = ({ resetAfterMs }: Outcome) => Math.min(...resetAfterMs.filter((ms) => ms > 0));
    return {
      slotOf: (account) => this.#connection.slotOf(this.#keys.index(account)),
      denied: ({ account, counters }, cost) => {
        const now = this.#clock();
        const denied = this.#deniedAt(now, account, counters, cost);
        return denied && { outcome: denied.outcomeAt(now), unchangedMs: denied.endsAt - now };
      },
      consume: async ({ account, counters }, cost) => {
        let unchangedMs: number | undefined;
        const follower: ChargeFollower = {
          admitted: this.#follower.admitted,
          refused: (refusal) => {
            unchangedMs = refusal.unchangedMs;
            return this.#follower.refused(refusal);
          },
        };
        const outcome = await this.#charge({ account, counters, cost, askedAt: this.#clock() }, follower);
        return { outcome, unchangedMs: unchangedMs ?? untilChange(outcome) };
      },
      peek: async ({ account, counters }, cost) => {
        const outcome = await this.#ask({ kind: PEEK, account, counters, cost, askedAt: this.#clock() });
        return { outcome, unchangedMs: untilChange(outcome) };
      },
      refund: ({ account, counters }, cost, outcome) => this.#refund(account, counters, cost, outcome, true),
      record: ({ account, counters }, cost, agoMs) => this.#record(account, counters, cost, agoMs),
    };
  }

  async #refund(
    account: string,
    all: readonly CounterSpec[],
    cost: number,
    outcome: Outcome,
    givesBack = false,
  ): Promise<void> {
    const owners = ownersOf(account, all);
    this.#denials.drop(...owners);
    const counts = ({ cost: own = cost }: CounterSpec) => own > 0;
    const counters = all.every(counts) ? all : all.filter(counts);
    const births = (outcome.token as readonly number[]).filter((_, place) => counts(all[place]!));
    const askedAt = this.#clock();
    const admittedAt = outcome.now;
    if (counters.length > 0) {
      await this.#ask({ kind: REFUND, account, counters, cost, askedAt, admittedAt, births, givesBack });
    }
    this.#denials.drop(...owners);
  }

  async #record(account: string, all: readonly CounterSpec[], cost: number, agoMs: number): Promise<void> {
    const counts = ({ cost: own = cost }: CounterSpec) => own > 0;
    const counters = all.every(counts) ? all : all.filter(counts);
    if (counters.length === 0) return;
    await this.#ask({ kind: RECORD, account, counters, cost, askedAt: this.#clock(), agoMs });
    this.#denials.grew(account, counters);
  }

  #forget(account: string, which: CountersOfAccount): void {
    this.#denials.drop(account);
    this.#unsent.forget(account, which);
    this.#batcher.spoilt.forget(account);
  }

  async #violate(account: string, counters: readonly CounterSpec[], times: number): Promise<void> {
    const request = { kind: VIOLATE, account, counters, cost: 0, askedAt: this.#clock(), times } as const;
    const throttled = await this.#ask<readonly string[]>(request);
    if (throttled.length === 0) return;
    this.#denials.drop(account);
    this.#unreported.add(account, throttled);
  }

  readonly #follower: ChargeFollower = {
    admitted: ({ account, counters }) => this.#denials.grew(account, counters),
    refused: (refusal: Refusal) => {
      const { charge, outcome } = refusal;
      if (charge.drops === this.#denials.drops) this.#denials.add(refusal, this.#clock());
      const begins = this.#unreported.take(charge.account, charge.counters, outcome);
      return begins ? { ...outcome, beganThrottling: true } : outcome;
    },
  };

  #ask<A extends Answer = Outcome>(request: Request): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#batcher.add(new Operation(request, resolve as (answer: Answer) => void, reject));
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RedisStore');
  }
}

type Charge = Pick<Request, 'account' | 'counters' | 'cost' | 'askedAt'>;

const RESET = new Script(RESET_SCRIPT);
const FIND = new Script(FIND_SCRIPT);
const FIND_AT_ONCE = '1000';
const AT_ONCE = 500;
