import { readFileSync } from 'node:fs';
import { type Outcome, Quota, StoreError } from '@tollgate/core';
import type { RedisStore } from '@tollgate/redis';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runsFor } from '../../../effort.js';
import { redisWorld } from '../../store-world.js';
import {
  ADMITTED,
  COUNTERS,
  counter,
  flippedScores,
  NOW,
  type StoredValue,
  THROTTLED,
  violations,
} from './stored-values.js';

const world = redisWorld();

/** Another account, in the same call. It must never notice. */
const GOOD = [{ name: 'legs', quotas: [new Quota({ limit: 2, windowMs: 60_000 })] }];

/** The clock of the tests does not move, and the server's does: the scripts write expiries that much later. */
const LATER_MS = 3_600_000;
const WINDOW_LIFE_MS = 67_500;
const MEMORY_MS = 20_000 + 86_400_000;
const DAY_MS = 86_400_000;
/** What a window may have, and what a throttling may: the bounds of a policy's options. */
const MOST_MS = 32 * DAY_MS * (9 / 8);

interface Row {
  readonly value: string;
  bits: number;
  byRedis: number;
  failed: number;
  longestMs: number;
}
const rows = new Map<string, Row>();

/** Latest instants of the entries of an index. */
const ENDS = NOW + 247_500;
const FAR = Date.UTC(2100, 0);
const VALUES: [name: string, counter: Buffer, violations?: Buffer][] = [
  ...[NaN, Infinity, -Infinity, -1, 0, FAR, 1e300, NOW + 0.5].map((base): [string, Buffer] => [
    `a base of ${base}`,
    counter({ base }).bytes,
  ]),
  ...[NaN, Infinity, -Infinity, -1, 2 ** 60].map((birth): [string, Buffer] => [
    `a birth of ${birth}`,
    counter({ birth }).bytes,
  ]),
  ...[NaN, Infinity, -Infinity, FAR, NOW + 0.5].flatMap((instant) =>
    ['base', 'endsAt', 'until'].map((field): [string, Buffer, Buffer] => [
      `violations whose ${field} is ${instant}`,
      counter().bytes,
      violations({ [field]: instant }).bytes,
    ]),
  ),
];

const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  list: ['RPUSH', 'x'],
  hash: ['HSET', 'x', 'y'],
  set: ['SADD', 'x'],
  stream: ['XADD', '*', 'x', 'y'],
  string: ['SET', 'x'],
  zset: ['ZADD', '1', 'x'],
};

// Each reset ends a report, so these tests get thousands of warnings.
beforeEach(async () => {
  await world.timed.ping();
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The keys of the spoilt account, before each charge. */
class Stored {
  readonly #store: RedisStore;
  readonly index: string;
  readonly counter: string;
  readonly violations: string;
  #turn = 0;

  constructor() {
    world.clock.nowMs = NOW;
    this.#store = world.store({ denyCacheSize: 0 });
    this.index = `${world.prefix}:v1:{spoilt}`;
    this.counter = `${this.index}:legs`;
    this.violations = `${this.index}:!legs`;
  }

  async write(
    counterBytes?: Buffer,
    violationBytes?: Buffer,
    entries: (string | number | Buffer)[] = [ENDS, 'legs', ENDS, '!legs', ENDS, 'bridges'],
  ): Promise<void> {
    const all = world.plain.multi().del(this.index, this.counter, this.violations);
    if (counterBytes !== undefined) all.set(this.counter, counterBytes, 'PX', WINDOW_LIFE_MS + LATER_MS);
    if (violationBytes !== undefined) all.set(this.violations, violationBytes, 'PX', WINDOW_LIFE_MS + LATER_MS);
    await all
      .zadd(this.index, ...entries)
      .pexpire(this.index, 247_500)
      .exec();
  }

  /** Makes one of the keys another type. */
  async replace(which: 'index' | 'counter' | 'violations', type: string): Promise<void> {
    const key = this[which];
    const [command, ...args] = OF_TYPE[type]!;
    await world.plain
      .multi()
      .del(key)
      .call(command!, key, ...args)
      .pexpire(key, WINDOW_LIFE_MS + LATER_MS)
      .exec();
  }

  /** Charges the spoilt account with good ones in one call, and notes what came of it. */
  async charge(value: string): Promise<void> {
    const row = rows.get(value) ?? { value, bits: 0, byRedis: 0, failed: 0, longestMs: 0 };
    rows.set(value, row);
    row.bits++;
    const { calls } = this.#store.stats();
    const store = this.#store;
    const spoilt = store.consume('spoilt', COUNTERS, 1) as Promise<unknown>;
    const [settled] = await Promise.all([settle(spoilt), this.#good()]);
    expect(store.stats().calls).toBe(calls + 1);
    if (settled instanceof StoreError) row.failed++;
    else row.byRedis++;
    const rest = [
      settle(store.peek('spoilt', COUNTERS, 2)),
      settle(store.refund('spoilt', COUNTERS, 1, ADMITTED), true),
      settle(store.consume('spoilt', COUNTERS, 3) as Promise<unknown>),
      settle(store.record('spoilt', COUNTERS, 1, 200), true),
    ];
    await Promise.all([...rest, this.#good()]);
    expect(store.stats().calls).toBe(calls + 2);
    await this.#checkExpiries(row);
    await store.reset('spoilt');
    const healed = store.consume('spoilt', COUNTERS, 1);
    expect(await healed, `${value}, after a reset`).toMatchObject({ allowed: true, used: [1, 1], throttledMs: [0] });
  }

  /** Three charges of a limit of 2. */
  async #good(): Promise<void> {
    const account = `good${this.#turn++}`;
    const outcomes = await Promise.all([1, 2, 3].map(() => this.#store.consume(account, GOOD, 1)));
    expect(outcomes.map(({ allowed, used }) => [allowed, ...used])).toEqual([
      [true, 1],
      [true, 2],
      [false, 2],
    ]);
  }

  async #checkExpiries(row: Row): Promise<void> {
    for (const key of [this.counter, this.violations]) {
      const left = await world.plain.pttl(key);
      if (left === -2) continue;
      expect(left, `${row.value}: an expiry`).toBeGreaterThan(0);
      const lifeMs = left - LATER_MS;
      const isLength = /length of a window|until/.test(row.value);
      expect(lifeMs, row.value).toBeLessThanOrEqual(
        isLength ? MOST_MS : key === this.counter ? WINDOW_LIFE_MS : MEMORY_MS,
      );
      const isOther = key === this.violations && !row.value.startsWith('violations');
      if (!isOther) row.longestMs = Math.max(row.longestMs, lifeMs);
    }
    const left = await world.plain.pttl(this.index);
    if (left !== -2) expect(left, `${row.value}: an expiry of the index`).toBeGreaterThan(0);
  }
}

/** A sane outcome, or the error of this account alone. */
async function settle(answer: Promise<unknown>, isVoid = false): Promise<unknown> {
  try {
    const outcome = await answer;
    if (isVoid) return undefined;
    const { now, used, resetAfterMs, retryAfterMs, throttledMs } = outcome as Outcome;
    const amounts = [now, ...used, ...resetAfterMs, retryAfterMs, ...throttledMs!];
    expect(amounts).toHaveLength(7);
    for (const amount of amounts)
      expect(Number.isSafeInteger(amount) && amount >= 0, JSON.stringify(outcome)).toBe(true);
    return outcome;
  } catch (error) {
    expect(error).toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'no', concerns: 'account' });
    return error;
  }
}

describe('every single bit that is flipped affects only the account, and a reset heals it', () => {
  async function flipAll(of: string, value: StoredValue, write: (stored: Stored, bytes: Buffer) => Promise<void>) {
    const stored = new Stored();
    for (const [bit, part] of value.parts.entries()) {
      await write(stored, value.flipped(bit));
      await stored.charge(`${of}: ${part}`);
    }
  }

  it('of a counter, with and without violations', async () => {
    await flipAll('counter', counter(), (stored, bytes) => stored.write(bytes));
    await flipAll('counter', counter(), (stored, bytes) => stored.write(bytes, violations().bytes));
  }, 60_000);

  it('of the violations of a counter, throttled or not', async () => {
    await flipAll('violations', violations(), (stored, bytes) => stored.write(counter().bytes, bytes));
    await flipAll('violations', violations(THROTTLED), (stored, bytes) => stored.write(counter().bytes, bytes));
  }, 60_000);

  it('of the scores and names of an index', async () => {
    const stored = new Stored();
    for (const score of flippedScores(ENDS)) {
      await stored.write(undefined, undefined, [score, 'legs', ENDS, 'bridges']);
      await stored.charge('index: score');
    }
    for (let bit = 0; bit < 32; bit++) {
      const name = Buffer.from('legs');
      name[bit >> 3]! ^= 1 << (bit & 7);
      await stored.write(undefined, undefined, [ENDS, name, ENDS, 'bridges']);
      await stored.charge('index: name');
    }
  }, 60_000);

  it.each(VALUES)('and so does %s', async (name, counterBytes, violationBytes) => {
    const stored = new Stored();
    await stored.write(counterBytes, violationBytes);
    await stored.charge(name);
  });

  it.each(['counter', 'violations', 'index'] as const)('and so does a key of another type: %s', async (which) => {
    const stored = new Stored();
    for (const type of ['list', 'hash', 'set', 'stream', which === 'index' ? 'string' : 'zset']) {
      await stored.write(which === 'index' ? undefined : counter().bytes);
      await stored.replace(which, type);
      await stored.charge(`${which}: another type`);
    }
    expect(rows.get(`${which}: another type`)).toMatchObject({ failed: 5 });
  });

  it('and so do bytes that are spoilt in several places', async () => {
    const stored = new Stored();
    const change = fc.record({ place: fc.nat(100), byte: fc.integer({ min: 0, max: 255 }) });
    const spoilt = (value: StoredValue, changes: readonly { place: number; byte: number }[]) => {
      const bytes = value.bytes;
      for (const { place, byte } of changes) bytes[place % bytes.length] = byte;
      return bytes;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(change), fc.array(change), fc.boolean(), async (some, others, throttled) => {
        await stored.write(spoilt(counter(), some), spoilt(violations(throttled ? THROTTLED : {}), others));
        await stored.charge('until several bytes');
      }),
      { numRuns: runsFor(2000) },
    );
  }, 60_000);
});

it('docs/failure.md has the table of the tests above', () => {
  const flips = [...rows.values()].filter(({ value }) => value.includes(': '));
  const cells = flips.map(({ value, bits, byRedis, failed, longestMs }) => [
    value,
    ...[bits, byRedis, failed].map(String),
    lifeInWords(longestMs),
  ]);
  const table = markdown([['spoilt', 'charges', 'decided by Redis', '`StoreError`', 'longest expiry'], ...cells]);
  console.log(table);
  expect(readFileSync('docs/failure.md', 'utf8')).toContain(table);
});

function lifeInWords(ms: number): string {
  if (ms <= WINDOW_LIFE_MS) return '67.5 s';
  return ms <= MEMORY_MS ? '1 day 20 s' : `${Math.ceil(ms / DAY_MS)} days`;
}

function markdown(lines: readonly string[][]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const isNumber = (column: number) => column > 0 && column < 4;
  const row = (line: readonly string[]) => {
    const cells = line.map((cell, column) =>
      isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
    );
    return `| ${cells.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (isNumber(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [row(lines[0]!), `| ${rule.join(' | ')} |`, ...lines.slice(1).map(row)].join('\n');
}
