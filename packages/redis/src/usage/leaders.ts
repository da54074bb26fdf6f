import { entryOf, wallClock } from '@tollgate/core/kit';
import type { UsageEntry, UsageNearest, UsageRefused, UsageTop } from '@tollgate/core/usage';
import type { BoundedCalls } from '../bounded-calls.js';
import { Script } from '../connection.js';
import { readHour } from './day.js';
import { LEAD_SCRIPT } from './lead-script.js';
import { decodeText, encodeText, fieldOf, type UsageKeys } from './usage-keys.js';

/**
 * The accounts nearest to their limits, and those refused most, minute by minute: a few hundred names in one slot.
 */
export class Leaders {
  readonly #calls: BoundedCalls;
  readonly #keys: UsageKeys;
  /** The latest minute, and the least share that was on its full list, -1 while the list is not full. */
  #latestAt = 0;
  #leastShare = -1;

  constructor(calls: BoundedCalls, keys: UsageKeys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  /** Updates the lists. A failure is ignored: the counts themselves are stored elsewhere. */
  async note(entries: readonly UsageEntry[]): Promise<void> {
    const minutes = new Map<number, UsageEntry[]>();
    for (const entry of entries) entryOf(minutes, entry.minuteAt, (): UsageEntry[] => []).push(entry);
    await Promise.all([...minutes].map(([minuteAt, entries]) => this.#noteMinute(minuteAt, entries).catch(() => {})));
  }

  async top(limit: number): Promise<UsageTop> {
    const at = wallClock();
    const from = (Math.floor(at / MINUTE_MS) - 1) * MINUTE_MS;
    const minutes = [from, from + MINUTE_MS];
    const [nearest, refused] = await Promise.all([this.#nearest(minutes, limit), this.#refused(minutes, limit)]);
    return { at, from, nearest, refused };
  }

  async #noteMinute(minuteAt: number, entries: readonly UsageEntry[]): Promise<void> {
    if (minuteAt > this.#latestAt) {
      this.#latestAt = minuteAt;
      this.#leastShare = -1;
    }
    const near: string[] = [];
    const refusals: string[] = [];
    for (const { account, category, fullest, refused } of entries) {
      const share = fullest === undefined ? 0 : fullest.used / fullest.limit;
      if (fullest !== undefined && (minuteAt !== this.#latestAt || share > this.#leastShare)) {
        const { used, limit, windowMs } = fullest;
        near.push(nameOf(account, category), String(share), `${used},${limit},${windowMs}`);
      }
      if (refused > 0) refusals.push(nameOf(account, category), String(refused));
    }
    if (near.length + refusals.length === 0) return;
    const args = [String(MOST), String(LIFE_S), String(near.length / 3), ...near, ...refusals];
    const least = Number(await this.#calls.run(LEAD, this.#keys.leaders(minuteAt), args));
    if (minuteAt === this.#latestAt) this.#leastShare = least;
  }

  async #nearest(minutes: readonly number[], limit: number): Promise<UsageNearest[]> {
    const found = new Map<string, UsageNearest>();
    for (const minuteAt of minutes) {
      const [nearest, fullest] = this.#keys.leaders(minuteAt);
      const names = textsOf(await this.#calls.send('ZREVRANGE', nearest, 0, limit - 1));
      if (names.length === 0) continue;
      const quotas = textsOf(await this.#calls.send('HMGET', fullest, ...names));
      for (const [index, name] of names.entries()) {
        const [used, of, windowMs] = (quotas[index] ?? '').split(',').map(Number);
        if (used === undefined || of === undefined || !windowMs) continue;
        const share = used / of;
        const other = found.get(name);
        if (other === undefined || share > other.share) {
          found.set(name, { ...ownerOf(name), share, used, limit: of, windowMs });
        }
      }
    }
    return [...found.values()].sort((one, other) => other.share - one.share).slice(0, limit);
  }

  async #refused(minutes: readonly number[], limit: number): Promise<UsageRefused[]> {
    const names = new Set<string>();
    for (const minuteAt of minutes) {
      const [, , refused] = this.#keys.leaders(minuteAt);
      // A name that is second in each of two minutes may be the first of both together.
      for (const name of textsOf(await this.#calls.send('ZREVRANGE', refused, 0, 2 * limit - 1))) names.add(name);
    }
    const counted = await Promise.all([...names].map((name) => this.#counted(name, minutes)));
    return counted
      .filter(({ refused }) => refused > 0)
      .sort((one, other) => other.refused - one.refused)
      .slice(0, limit);
  }

  /** Reads the account's own hours: a name that is on the list of only one minute has counts in both. */
  async #counted(name: string, minutes: readonly number[]): Promise<UsageRefused> {
    const { account, category } = ownerOf(name);
    const sum = { account, category, refused: 0, admitted: 0 };
    const fields = new Map(
      minutes.map((at) => [`${this.#keys.day(account, at)} ${fieldOf(category, at)}`, at - (at % HOUR_MS)]),
    );
    for (const hourAt of fields.values()) {
      const hour = await this.#calls.send('HGET', this.#keys.day(account, hourAt), fieldOf(category, hourAt));
      for (const { minuteAt, refused, admitted } of readHour(String(hour ?? ''), category, hourAt)) {
        if (!minutes.includes(minuteAt)) continue;
        sum.refused += refused;
        sum.admitted += admitted;
      }
    }
    return sum;
  }
}

const LEAD = new Script(LEAD_SCRIPT);
const MOST = 200;
const LIFE_S = 300;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

function nameOf(account: string, category: string): string {
  return `${encodeText(account)} ${encodeText(category)}`;
}

function ownerOf(name: string): { readonly account: string; readonly category: string } {
  const [account = '', category = ''] = name.split(' ').map(decodeText);
  return { account, category };
}

function textsOf(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
