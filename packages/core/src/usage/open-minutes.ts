import { entryOf } from '../entry-of.js';
import type { UsageEntry, UsageFullest, UsageNearest, UsageRefused, UsageTop } from '../store/index.js';
import type { MinuteLog } from './minute-log.js';
import { MINUTE_MS } from './usage-period.js';

/** Details of a minute that are kept only while parts of it may still come. */
class OpenMinute {
  /** Seconds, each followed by its requests. */
  readonly #seconds: number[] = [];
  fullest: UsageFullest | undefined = undefined;
  admitted = 0;
  refused = 0;

  /** Adds an entry, and returns the most requests in one of its seconds. */
  add({ seconds, admitted, refused, fullest }: UsageEntry): number {
    let peak = 0;
    for (let index = 0; index < seconds.length; index += 2) {
      peak = Math.max(peak, this.#count(seconds[index]!, seconds[index + 1]!));
    }
    this.admitted += admitted;
    this.refused += refused;
    this.fullest = fuller(this.fullest, fullest);
    return peak;
  }

  /** Adds another log's minute. The fullest quota is that of an account, so it goes. */
  join({ admitted, refused }: OpenMinute): void {
    this.admitted += admitted;
    this.refused += refused;
  }

  #count(second: number, requests: number): number {
    const all = this.#seconds;
    // Nearly always the latest second, or a new one.
    for (let place = all.length - 2; place >= 0; place -= 2) {
      if (all[place] !== second) continue;
      all[place + 1]! += requests;
      return all[place + 1]!;
    }
    all.push(second, requests);
    return requests;
  }
}

/** The latest five minutes, in more detail than older ones. */
export class OpenMinutes {
  readonly #minutes = new Map<number, Map<MinuteLog, OpenMinute>>();
  #latestAt = 0;

  /** Adds an entry to the log's minute, and returns the most requests in one of its seconds. */
  add(entry: UsageEntry, log: MinuteLog): number {
    const { minuteAt } = entry;
    if (minuteAt > this.#latestAt) {
      this.#latestAt = minuteAt;
      for (const openAt of this.#minutes.keys()) if (openAt <= minuteAt - OPEN_MS) this.#minutes.delete(openAt);
    }
    if (minuteAt <= this.#latestAt - OPEN_MS) return new OpenMinute().add(entry);
    const minute = entryOf(this.#minutes, minuteAt, () => new Map<MinuteLog, OpenMinute>());
    return entryOf(minute, log, () => new OpenMinute()).add(entry);
  }

  /** Counts what the log has in its open minutes for another log. */
  move(log: MinuteLog, other: MinuteLog): void {
    for (const minute of this.#minutes.values()) {
      const open = minute.get(log);
      if (open === undefined) continue;
      minute.delete(log);
      entryOf(minute, other, () => new OpenMinute()).join(open);
    }
  }

  /** Both lists for the two minutes since `from`, each with at most `limit` entries. */
  top(from: number, limit: number): Pick<UsageTop, 'nearest' | 'refused'> {
    const nearest = new Leaders<UsageNearest>(limit, ({ share }) => share);
    const refused = new Leaders<UsageRefused>(limit, ({ refused }) => refused);
    const [before, now] = [this.#minutes.get(from), this.#minutes.get(from + MINUTE_MS)];
    const hourEnds = (from + MINUTE_MS) % (60 * MINUTE_MS) === 0;
    // Each hour has its own logs. If an hour begins between the two minutes, the names join them.
    const key = (log: MinuteLog) => (hourEnds ? JSON.stringify([log.account, log.category]) : log);
    const both = new Map<unknown, { log: MinuteLog; parts: OpenMinute[] }>();
    for (const minute of [before, now]) {
      for (const [log, open] of minute ?? []) entryOf(both, key(log), () => ({ log, parts: [] })).parts.push(open);
    }
    for (const { log, parts } of both.values()) {
      const { account, category } = log;
      const fullest = parts.map(({ fullest }) => fullest).reduce(fuller, undefined);
      if (fullest !== undefined) nearest.add({ account, category, share: fullest.used / fullest.limit, ...fullest });
      const sum = { account, category, refused: 0, admitted: 0 };
      for (const part of parts) {
        sum.refused += part.refused;
        sum.admitted += part.admitted;
      }
      if (sum.refused > 0) refused.add(sum);
    }
    return { nearest: nearest.all, refused: refused.all };
  }

  clear(): void {
    this.#minutes.clear();
  }
}

const OPEN_MS = 5 * MINUTE_MS;

function fuller(one: UsageFullest | undefined, other: UsageFullest | undefined): UsageFullest | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.used * other.limit >= other.used * one.limit ? one : other;
}

/** The entries with the highest scores, highest first, in a list that stays short. */
class Leaders<T> {
  readonly all: T[] = [];
  readonly #limit: number;
  readonly #score: (one: T) => number;

  constructor(limit: number, score: (one: T) => number) {
    this.#limit = limit;
    this.#score = score;
  }

  add(one: T): void {
    const score = this.#score(one);
    if (this.all.length === this.#limit && score <= this.#score(this.all.at(-1)!)) return;
    let place = this.all.length;
    while (place > 0 && this.#score(this.all[place - 1]!) < score) place--;
    this.all.splice(place, 0, one);
    if (this.all.length > this.#limit) this.all.pop();
  }
}
