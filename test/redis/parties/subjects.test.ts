import { setTimeout as sleep } from 'node:timers/promises';
import { type CounterSpec, Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../../contract/store/traces.js';
import { redisWorld } from '../store-world.js';

const world = redisWorld();

const CATEGORY: CounterSpec = { name: 'legs', quotas: [new Quota({ limit: 1_000_000, windowMs: 60_000 })] };
const LEG = [new Quota({ limit: 3, windowMs: 1000 })];

/** A charge's own array: the quotas are the policy's. */
function ofLegs(...ids: string[]): CounterSpec[] {
  return [CATEGORY, ...ids.map((subject) => ({ name: `*~leg/${subject}`, quotas: LEG, subject }))];
}

/** The same with a minute. Keys expire by the real clock, and on a busy machine a second may pass within a test. */
function ofLongLegs(...ids: string[]): CounterSpec[] {
  return ofLegs(...ids).map((counter) => ({ ...counter, quotas: CATEGORY.quotas }));
}

const indexOf = (account: string) => `${world.prefix}:v1:{${account}}`;

/** The calls of scripts that the server has run for one use. */
async function scriptsRun(use: () => Promise<unknown>): Promise<number> {
  await world.plain.config('RESETSTAT');
  await use();
  const stats = await world.plain.info('commandstats');
  return [...stats.matchAll(/^cmdstat_evalsha:calls=(\d+)/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

describe('counters of subjects', () => {
  it('lie beside the counters of their account, and all of a charge are one call', async () => {
    const store = world.store();
    await store.consume('warm', ofLegs('L'), 1);
    const calls = await scriptsRun(() => Promise.resolve(store.consume('a', ofLongLegs('L1', 'L2'), 1)));
    expect(calls).toBe(1);
    expect((await world.keys()).filter((key) => key.startsWith(indexOf('a')))).toEqual(
      ['', ':*~leg/L1', ':*~leg/L2', ':legs'].map((end) => indexOf('a') + end),
    );
  });

  it('with 128 counters of 8 quotas are one call, and are refused and given back as one', async () => {
    const store = world.store();
    const quotas = Array.from({ length: 8 }, (_, n) => new Quota({ limit: 300 + n, windowMs: 1000 * (n + 1) }));
    const counters = Array.from({ length: 128 }, (_, n) => ({ name: `*~leg/L${n}`, quotas, subject: `L${n}` }));
    const outcome = await store.consume('a', counters, 299);
    expect(outcome).toMatchObject({ allowed: true, used: new Array(1024).fill(299) });
    const many = await Promise.all(Array.from({ length: 20 }, () => store.consume('a', counters.slice(), 1)));
    expect(many.filter(({ allowed }) => allowed)).toHaveLength(1);
    await store.refund('a', counters, 299, outcome);
    expect(await store.peek('a', counters, 0)).toMatchObject({ used: new Array(1024).fill(1) });
    await store.reset('a');
    expect(await world.keys()).toEqual([]);
  });

  it('keep the index as small as the counters that are there, however many legs have passed', async () => {
    const store = world.store();
    await store.consume('a', ofLegs('lasting'), 1);
    for (let second = 0; second < 12; second++) {
      await Promise.all(Array.from({ length: 150 }, (_, n) => store.consume('a', ofLegs(`L${second}.${n}`), 1)));
      world.clock.nowMs += 500;
      await store.consume('a', ofLegs('lasting'), 1);
      world.clock.nowMs += 500;
    }
    // A leg counts for a second, and its key lives for an eighth longer.
    const names = await world.plain.zrange(indexOf('a'), '0', '-1');
    expect(names).toEqual(expect.arrayContaining(['legs', '*~leg/lasting', '*~leg/L11.0']));
    expect(names.length).toBeLessThan(2 * 151 + 2);
  });

  it('have entries in the index that end with their keys, also after charges, records and refunds', async () => {
    const store = world.store({ client: world.plain });
    const outcomes = await Promise.all(['L1', 'L2', 'L3'].map((leg) => store.consume('a', ofLegs(leg), 1)));
    await sleep(200);
    await store.consume('a', ofLegs('L1'), 1);
    await store.refund('a', ofLegs('L2'), 1, outcomes[1]!);
    await store.record('a', ofLegs('L3'), 1, 0);
    // As from the text of a receipt.
    await store.record('a', [{ name: '*~leg/L2', quotas: LEG }], 1, 0);
    await store.consume('a', ofLegs('L3', 'L4'), 1);
    for (const leg of ['L1', 'L2', 'L3', 'L4']) {
      const answers = await world.plain
        .multi()
        .zscore(indexOf('a'), `*~leg/${leg}`)
        .pttl(`${indexOf('a')}:*~leg/${leg}`)
        .time()
        .exec();
      const [endsAt, life, [seconds, micros]] = answers!.map(([, answer]) => answer) as [string, number, number[]];
      expect(life).toBeGreaterThan(0);
      expect(Math.abs(Number(endsAt) - (seconds! * 1000 + micros! / 1000 + life))).toBeLessThan(10);
    }
    const lives = await Promise.all((await world.keys()).map((key) => world.plain.pttl(key)));
    for (const life of lives) expect(life).toBeGreaterThan(0);
  });

  it('that have gone leave the index a hundred at a time, so that no call removes a million', async () => {
    const store = world.store();
    await Promise.all(Array.from({ length: 450 }, (_, n) => store.consume('a', ofLegs(`L${n}`), 1)));
    world.clock.nowMs += 2000;
    const sizes: number[] = [];
    for (let n = 0; n < 6; n++) {
      await store.consume('a', ofLegs(`M${n}`), 1);
      sizes.push(await world.plain.zcard(indexOf('a')));
    }
    expect(sizes).toEqual([352, 253, 154, 55, 6, 7]);
  });

  it('are reset by thousands in bounded steps, and the counters of other limiters stay', async () => {
    const store = world.store();
    const legs = Array.from({ length: 2500 }, (_, n) => `L${n}`);
    await Promise.all(legs.map((leg) => store.consume('a', ofLegs(leg), 1)));
    await store.consume('a', [{ name: '*login/*~leg/L1', quotas: LEG, subject: 'L1' }], 1);
    await world.plain.config('RESETSTAT');
    await store.reset('a', undefined, 'default');
    expect(await world.keys()).toEqual([indexOf('a'), `${indexOf('a')}:*login/*~leg/L1`]);
    const stats = await world.plain.info('commandstats');
    expect(stats).toMatch(/cmdstat_zscan:calls=[5-9],/);
    await store.reset('a', '*login/*~leg/L1');
    expect(await world.keys()).toEqual([]);
  });

  it('of hostile ids have keys of bounded length without special characters, and are counted apart', async () => {
    const store = world.store();
    const ids = [...new Set([...HOSTILE_NAMES, '__proto__', '\0', '/', '*~leg/L', '}{', 'x'.repeat(10_000_000)])];
    for (const used of [1, 2]) {
      for (const id of ids) {
        expect(await store.consume('a', ofLongLegs(id).slice(1), 1)).toMatchObject({ allowed: true, used: [used] });
      }
    }
    const keys = await world.keys();
    expect(keys).toHaveLength(ids.length + 1);
    for (const key of keys)
      expect(key.slice(world.prefix.length)).toMatch(/^:v1:\{a\}(:[A-Za-z0-9._~@*/+%#-]{1,1000})?$/);
  });

  it('of equal charges are one step, and each charge is decided', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const merged: number[] = [];
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => store.consume('a', ofLegs('L1'), 1)));
    merged.push(store.stats().calls);
    expect(outcomes.map(({ allowed, used }) => [allowed, used])).toEqual([
      [true, [1, 1]],
      [true, [2, 2]],
      [true, [3, 3]],
      [false, [3, 3]],
      [false, [3, 3]],
    ]);
    // A step counts once in the size of a call.
    const small = world.store({ denyCacheSize: 0, maxBatch: 1 });
    await Promise.all(Array.from({ length: 50 }, () => small.consume('a', ofLegs('L1'), 1)));
    expect(small.stats()).toMatchObject({ calls: 1, operations: 50 });
    await Promise.all(['L1', 'L2', 'L1'].map((leg) => small.consume('b', ofLegs(leg), 1)));
    expect(small.stats()).toMatchObject({ calls: 4, operations: 53 });
    expect(merged).toEqual([1]);
  });

  it('of several accounts and legs share the arguments of one call', async () => {
    const store = world.store();
    const sizes: number[] = [];
    const send = world.timed.sendCommand.bind(world.timed);
    world.timed.sendCommand = ((command: { args: unknown[] }, stream?: never) => {
      sizes.push(String(command.args.at(-1)).length);
      return send(command as never, stream);
    }) as never;
    const charge = (accounts: number) =>
      Promise.all(Array.from({ length: accounts }, (_, n) => store.consume(`a${n}`, ofLegs(`L${n}`, `M${n}`), 1)));
    await charge(1);
    const outcomes = await charge(50);
    world.timed.sendCommand = send;
    expect(outcomes.map(({ used }) => used)).toEqual(outcomes.map((_, n) => (n === 0 ? [2, 2, 2] : [1, 1, 1])));
    // The places of keys and the number of accounts have a few more digits.
    expect(Math.max(...sizes)).toBeLessThan(Math.min(...sizes) + 30);
    expect(store.stats().calls).toBe(2);
  });

  it('that are spoilt fail the charges that name them, and no others', async () => {
    const store = world.store();
    await store.consume('a', ofLegs('L1', 'L2'), 1);
    await world.plain.set(`${indexOf('a')}:*~leg/L1`, 'x', 'PX', 60_000);
    const settled = await Promise.allSettled([
      store.consume('a', ofLegs('L1'), 1),
      store.consume('a', ofLegs('L2'), 1),
      store.consume('a', ofLegs('L2', 'L1'), 1),
      store.consume('b', ofLegs('L1'), 1),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    for (const place of [0, 2]) {
      const { reason } = settled[place] as PromiseRejectedResult;
      expect(reason).toMatchObject({ charged: 'no', concerns: 'account' });
      expect(reason.message).toContain('*~leg/L1');
    }
    expect(await store.peek('a', ofLegs('L2'), 0)).toMatchObject({ used: [2, 2] });
  });
});
