import { StoreError } from '@tollgate/core';
import { causeInWords, checkInteger, checkOptions, closedError, OutageWarnings } from '@tollgate/core/kit';
import type {
  UsageCorrections,
  UsageEntry,
  UsageFailure,
  UsageMinute,
  UsageStore,
  UsageTop,
} from '@tollgate/core/usage';
import { BoundedCalls } from '../bounded-calls.js';
import { type CheckedRedis, type RedisClient, type RedisOptions, readRedis } from '../client.js';
import { Connection, Script } from '../connection.js';
import { ADD_SCRIPT } from './add-script.js';
import { readDay } from './day.js';
import { KnownAccounts, type PlacedEntry } from './known-accounts.js';
import { Leaders } from './leaders.js';
import { encodeText, hourOf, UsageKeys } from './usage-keys.js';

export interface RedisUsageOptions extends RedisOptions {
  /** The days for which usage is kept: an integer from 1 to 366, default 30. It applies to usage added from then on. */
  readonly keepDays?: number;
  /**
   * The most accounts of a day that have counts of their own: an integer from 100 to 1000000, default 100000. The least
   * used ones beyond it are counted together, as the account `_OTHER`.
   */
  readonly maxAccounts?: number;
  /** How long a read may wait for Redis: an integer from 1 to 60000 milliseconds, default 1000. */
  readonly timeoutMs?: number;
}

/**
 * Usage on Redis: the counts of all processes add up, and outlive them. Redis 6.2 to 8 or Valkey, alone, behind
 * Sentinel or as a Cluster. A limiter on a `RedisStore` does not need it: with `usage: true` it stores usage on the
 * same Redis.
 *
 * There is one hash for each account and day, with a field for each hour and category; see `docs/usage.md`. Each entry
 * is sent at most once: when a connection breaks before the answer, the entry may be lost, but never counts twice.
 *
 * @example
 * const store = new RedisUsage({ client: new Redis('redis://127.0.0.1:6379') });
 * const report = await readUsage(store, { account: 'ameyo5m' });
 */
export class RedisUsage implements UsageStore {
  readonly #client: RedisClient;
  readonly #ownsClient: boolean;
  readonly #connection: Connection;
  readonly #calls: BoundedCalls;
  readonly #keys: UsageKeys;
  readonly #leaders: Leaders;
  readonly #accounts: KnownAccounts;
  readonly #keepDays: number;
  readonly #timeoutMs: number;
  readonly #prefix: string;
  readonly #warnings = new OutageWarnings('TOLLGATE_USAGE_FAILED', 'TOLLGATE_USAGE_STORED');
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE`, `TOLLGATE_OPTION_UNKNOWN` or `TOLLGATE_OPTION_CONFLICT`, RangeError
   * `TOLLGATE_OPTION_RANGE`: see the options. Never because Redis cannot be reached.
   */
  constructor(options: RedisUsageOptions) {
    const { client, ownsClient, prefix, keepDays, maxAccounts, timeoutMs } = readOptions(options);
    this.#client = client;
    this.#ownsClient = ownsClient;
    this.#keepDays = keepDays;
    this.#timeoutMs = timeoutMs;
    this.#prefix = prefix;
    this.#connection = new Connection(client, USAGE_TASK);
    this.#calls = new BoundedCalls(this.#connection, timeoutMs);
    this.#keys = new UsageKeys(prefix);
    this.#leaders = new Leaders(this.#calls, this.#keys);
    this.#accounts = new KnownAccounts(
      this.#connection,
      this.#keys,
      maxAccounts,
      (at) => this.#expiresAtS(at),
      (error) => this.#failed(error),
    );
  }

  /**
   * Waits at most `timeoutMs` for a connection, and for the answer as long as the connection lasts. No request waits
   * for it.
   */
  async add(entries: readonly UsageEntry[]): Promise<readonly UsageFailure[]> {
    this.#checkOpen();
    try {
      await this.#connection.connected(this.#timeoutMs);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    const { placed, failures } = await this.#whileHealing(this.#addPlaced(entries));
    const failed = new Set(failures.map(({ entry }) => entry));
    await this.#leaders.note(
      placed.filter(({ entries: [first] }) => first !== undefined && !failed.has(first)).map(({ stored }) => stored),
    );
    return failures;
  }

  async read(account: string, from: number, to: number): Promise<readonly UsageMinute[]> {
    this.#checkOpen();
    const found: UsageMinute[] = [];
    for (let dayAt = Math.floor(from / DAY_MS) * DAY_MS; dayAt < to; dayAt += DAY_MS) {
      const reply = await this.#calls.send('HGETALL', this.#keys.day(account, dayAt));
      for (const minute of readDay(reply, dayAt)) {
        if (minute.minuteAt >= from && minute.minuteAt < to) found.push(minute);
      }
    }
    return found;
  }

  /**
   * Each list and minute has the first 200 accounts. How often each was refused is read from the account's own counts.
   */
  async top({ limit }: { readonly limit: number }): Promise<UsageTop> {
    this.#checkOpen();
    return this.#leaders.top(checkInteger('limit', limit, 1, 100));
  }

  /** Ends the client if it was made from a URL. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    if (this.#ownsClient) this.#client.disconnect();
  }

  async #addPlaced(entries: readonly UsageEntry[]) {
    const placed = await this.#accounts.place(entries);
    const added = await Promise.all(this.#groups(placed).map((group) => this.#addGroup(group)));
    return { placed, failures: added.flat() };
  }

  /** The entries by slot: a script takes those of one slot, up to a bounded number. */
  #groups(entries: readonly PlacedEntry[]): PlacedEntry[][] {
    const groups: PlacedEntry[][] = [];
    const open = new Map<number, PlacedEntry[]>();
    for (const one of entries) {
      const slot = this.#connection.slotOf(this.#keys.day(one.stored.account, one.stored.minuteAt));
      let group = open.get(slot);
      if (group === undefined || group.length >= MOST_AT_ONCE) {
        group = [];
        groups.push(group);
        open.set(slot, group);
      }
      group.push(one);
    }
    return groups;
  }

  /** Waits for the answer, and opens a connection anew that is silent meanwhile. */
  async #whileHealing<T>(answer: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.#connection.heal(), HEAL_MS).unref();
    try {
      return await answer;
    } finally {
      clearInterval(timer);
    }
  }

  async #addGroup(group: readonly PlacedEntry[]): Promise<readonly UsageFailure[]> {
    const keys: string[] = [];
    const args = [MAX_CATEGORIES, String(SECONDS_LIFE_S)];
    for (const { stored } of group) {
      const { account, category, minuteAt, admitted, refused, wouldRefuse, seconds, corrections } = stored;
      keys.push(this.#keys.day(account, minuteAt), this.#keys.seconds(account, category, minuteAt));
      const { count, refundedUnits, debitedUnits } = corrections ?? NO_CORRECTIONS;
      const requests = [(minuteAt / 60_000) % 60, admitted, refused, wouldRefuse];
      const counts = [...requests, count, refundedUnits, debitedUnits];
      const numbers = [...counts, this.#expiresAtS(minuteAt), seconds.length / 2];
      args.push(String(hourOf(minuteAt)), encodeText(category), ...numbers.map(String));
      for (let index = 0; index < seconds.length; index += 2) {
        args.push('INCRBY', 'u32', `#${seconds[index]}`, String(seconds[index + 1]));
      }
    }
    try {
      const failed = await this.#connection.run(ADD, keys, args);
      this.#warnings.works(`Usage (${this.#prefix}) is stored on Redis again`);
      if (!Array.isArray(failed)) return [];
      return failuresOf(
        group.filter((_, index) => failed.includes(index + 1)),
        'no',
      );
    } catch (error) {
      this.#failed(error);
      return failuresOf(group, error instanceof StoreError ? error.charged : 'unknown');
    }
  }

  #failed(error: unknown): void {
    this.#warnings.failed(causeInWords(error), (cause) => `Usage (${this.#prefix}) is not stored on Redis: ${cause}`);
  }

  #expiresAtS(minuteAt: number): number {
    return (Math.floor(minuteAt / DAY_MS) + 1 + this.#keepDays) * DAY_S;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RedisUsage');
  }
}

function failuresOf(group: readonly PlacedEntry[], counted: UsageFailure['counted']): UsageFailure[] {
  return group.flatMap(({ entries }) => entries.map((entry) => ({ entry, counted })));
}

const NO_CORRECTIONS: UsageCorrections = { count: 0, refundedUnits: 0, debitedUnits: 0 };
const ADD = new Script(ADD_SCRIPT);
const USAGE_TASK = 'store or read usage';
const DAY_MS = 86_400_000;
const DAY_S = 86_400;
const MAX_CATEGORIES = '64';
const SECONDS_LIFE_S = 300;
const HEAL_MS = 5000;
/** A batch of a limiter has as many; only moved counts may be more. */
const MOST_AT_ONCE = 200;
const OPTIONS = ['client', 'url', 'prefix', 'keepDays', 'maxAccounts', 'timeoutMs'];

function readOptions(
  options: RedisUsageOptions,
): CheckedRedis & { readonly keepDays: number; readonly maxAccounts: number; readonly timeoutMs: number } {
  checkOptions('RedisUsage', options, OPTIONS);
  const { keepDays = 30, maxAccounts = 100_000, timeoutMs = 1000 } = options;
  return {
    keepDays: checkInteger('keepDays', keepDays, 1, 366),
    maxAccounts: checkInteger('maxAccounts', maxAccounts, 100, 1_000_000),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    // Comes last: it may make a client, which an error would leave open.
    ...readRedis(options),
  };
}
