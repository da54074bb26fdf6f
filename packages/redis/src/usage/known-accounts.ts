import { StoreError } from '@tollgate/core';
import { addCorrections, entryOf, othersOf, requestsOf } from '@tollgate/core/kit';
import type { UsageEntry } from '@tollgate/core/usage';
import { type Connection, Script } from '../connection.js';
import { ACCOUNTS_SCRIPT, TAKE_SCRIPT } from './accounts-script.js';
import { readDay } from './day.js';
import { decodeText, encodeAccount, type UsageKeys } from './usage-keys.js';

/** An entry as Redis stores it, and the entries of the process that it counts: none if it was on Redis before. */
export interface PlacedEntry {
  readonly stored: UsageEntry;
  readonly entries: readonly UsageEntry[];
}

/**
 * The accounts that have keys of their own, for each day the most used ones. All others are counted together, so the
 * bytes on Redis are bounded, and the busy accounts stay in the report.
 */
export class KnownAccounts {
  readonly #connection: Connection;
  readonly #keys: UsageKeys;
  readonly #maxAccounts: number;
  readonly #expiresAtS: (minuteAt: number) => number;
  readonly #failed: (error: unknown) => void;

  /** `failed` is called when an account that makes room could not be counted with the others. */
  constructor(
    connection: Connection,
    keys: UsageKeys,
    maxAccounts: number,
    expiresAtS: (minuteAt: number) => number,
    failed: (error: unknown) => void,
  ) {
    this.#failed = failed;
    this.#connection = connection;
    this.#keys = keys;
    this.#maxAccounts = maxAccounts;
    this.#expiresAtS = expiresAtS;
  }

  /** Finds a place for each entry: its own account, or that of others, where entries of one minute become one. */
  async place(entries: readonly UsageEntry[]): Promise<readonly PlacedEntry[]> {
    const days = new Map<number, UsageEntry[]>();
    for (const entry of entries) {
      entryOf(days, Math.floor(entry.minuteAt / DAY_MS) * DAY_MS, (): UsageEntry[] => []).push(entry);
    }
    const placed = await Promise.all([...days].map(([dayAt, ofDay]) => this.#placeDay(dayAt, ofDay)));
    return placed.flat();
  }

  async #placeDay(dayAt: number, entries: readonly UsageEntry[]): Promise<PlacedEntry[]> {
    const requests = new Map<string, number>();
    for (const entry of entries) {
      if (entry.account === othersOf(entry.account)) continue;
      const name = encodeAccount(entry.account);
      requests.set(name, (requests.get(name) ?? 0) + requestsOf(entry));
    }
    const { refused, evicted } = await this.#admit(dayAt, requests);
    const moved = await Promise.all(evicted.map((name) => this.#take(dayAt, name)));
    const placed = new Map<unknown, { stored: UsageEntry; entries: UsageEntry[] }>();
    for (const stored of moved.flat()) join(placed, stored, []);
    for (const entry of entries) {
      if (!refused.has(encodeAccount(entry.account))) placed.set(entry, { stored: entry, entries: [entry] });
      else join(placed, { ...entry, account: othersOf(entry.account), fullest: undefined }, [entry]);
    }
    return [...placed.values()];
  }

  /** If the set holds something else, all are admitted. Otherwise a failure leaves the entries with the process. */
  async #admit(dayAt: number, requests: ReadonlyMap<string, number>) {
    const args = [String(this.#maxAccounts), String(this.#expiresAtS(dayAt))];
    for (const [name, count] of requests) args.push(name, String(count), Math.random().toFixed(6));
    let reply: unknown;
    try {
      if (requests.size > 0) reply = await this.#connection.run(ACCOUNTS, [this.#keys.accounts(dayAt)], args);
    } catch (error) {
      const { cause } = error as Error;
      if (!(cause instanceof Error && cause.name === 'ReplyError')) throw notCounted(error);
    }
    const [count, ...names] = Array.isArray(reply) ? reply : [0];
    const refused = new Set(names.slice(0, Number(count)).map(String));
    return { refused, evicted: names.slice(Number(count)).map(String) };
  }

  /** What an account was counted on that day. A process that dies now loses it, but nothing counts it twice. */
  async #take(dayAt: number, name: string): Promise<UsageEntry[]> {
    try {
      const day = await this.#connection.run(TAKE, [this.#keys.dayOf(name, dayAt)], []);
      const account = othersOf(decodeText(name));
      const minutes = [...readDay(day, dayAt)];
      const seconds = minutes.map(({ category, minuteAt }) => this.#keys.secondsOf(name, category, minuteAt));
      // The least used accounts have few of them, and all but those of the last minutes have expired.
      const [first, ...others] = seconds.slice(-MOST_OPEN);
      if (first !== undefined) await this.#connection.send('DEL', first, ...others);
      return minutes.map(({ category, minuteAt, admitted, refused, wouldRefuse, corrections }) => {
        return { account, category, minuteAt, admitted, refused, wouldRefuse, seconds: [], corrections };
      });
    } catch (error) {
      this.#failed(error);
      return [];
    }
  }
}

/** Whatever happened to the set of accounts, the requests themselves were not counted. */
function notCounted(cause: unknown): StoreError {
  return new StoreError('Redis could not store usage', { charged: 'no', cause });
}

/** Adds an entry of others to the one of the same category and minute. */
function join(
  placed: Map<unknown, { stored: UsageEntry; entries: UsageEntry[] }>,
  stored: UsageEntry,
  entries: readonly UsageEntry[],
): void {
  const { account, category, minuteAt, admitted, refused, wouldRefuse, seconds, corrections } = stored;
  const key = JSON.stringify([account, category, minuteAt]);
  const known = placed.get(key);
  if (known === undefined) {
    placed.set(key, { stored, entries: [...entries] });
    return;
  }
  const { stored: before } = known;
  known.entries.push(...entries);
  known.stored = {
    ...before,
    admitted: before.admitted + admitted,
    refused: before.refused + refused,
    wouldRefuse: before.wouldRefuse + wouldRefuse,
    seconds: sumOf(before.seconds, seconds),
    corrections: addCorrections(before.corrections, corrections),
  };
}

/** Seconds and their requests, each second once: a script takes a bounded number of arguments. */
function sumOf(...all: readonly (readonly number[])[]): number[] {
  const sums = new Map<number, number>();
  for (const seconds of all) {
    for (let index = 0; index < seconds.length; index += 2) {
      sums.set(seconds[index]!, (sums.get(seconds[index]!) ?? 0) + seconds[index + 1]!);
    }
  }
  return [...sums].flat();
}

const ACCOUNTS = new Script(ACCOUNTS_SCRIPT);
const TAKE = new Script(TAKE_SCRIPT);
const DAY_MS = 86_400_000;
/** The minutes of which a day may still have seconds, with several categories. */
const MOST_OPEN = 64;
