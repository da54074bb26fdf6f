import { type CounterSpec, Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();

const withService = (limit: number): CounterSpec[] => [
  ...counterOf(5),
  { name: '*', quotas: [new Quota({ limit, windowMs: 60_000 })], account: '@service' },
];
const indexOf = (account: string) => `${world.prefix}:v1:{${account}}`;

describe('a counter that all accounts share', () => {
  it('is charged with those of each account in one call, and admits exactly its limit', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const counters = withService(70);
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => store.consume(`a${n}`, counters, 1)));
    expect(store.stats()).toMatchObject({ calls: 1, operations: 100 });
    expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(70);
    expect(outcomes.map(({ used }) => used[1])).toEqual(outcomes.map((_, n) => Math.min(n + 1, 70)));
    // What was refused has left nothing, not even an entry in the index.
    const keys = await world.keys();
    expect(keys).toHaveLength(2 * 70 + 2);
    for (const key of keys) expect(await world.plain.pttl(key)).toBeGreaterThan(0);
    expect(await store.peek('b', [{ ...counters[1]!, account: undefined } as never], 0)).toMatchObject({ used: [0] });
  });

  it('has two keys in a call of many accounts, and their arguments once', async () => {
    const store = world.store();
    const counters = withService(1000);
    const seen: unknown[][] = [];
    const send = world.timed.sendCommand.bind(world.timed);
    world.timed.sendCommand = ((command: { args: unknown[] }, stream?: never) => {
      seen.push([...command.args]);
      return send(command as never, stream);
    }) as never;
    await Promise.all(Array.from({ length: 50 }, (_, n) => store.consume(`a${n}`, counters, 1)));
    world.timed.sendCommand = send;
    const [, keys] = seen.find((args) => String(args.at(-1)).startsWith('[') && args.length > 100) ?? [];
    expect(Number(keys)).toBe(2 * 50 + 2);
  });

  it('waits for no call of another account, and no account for its calls', async () => {
    const store = world.store();
    const counters = withService(1000);
    const first = store.consume('a', counters, 1);
    await new Promise<void>(process.nextTick);
    const second = store.consume('b', counters, 1);
    await new Promise<void>((resolve) => setImmediate(resolve));
    // Both are in flight, although both charge the counter of the service.
    expect(store.stats().calls).toBe(2);
    expect((await Promise.all([first, second])).map(({ used }) => used)).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  it('may be charged by its own account in the same call', async () => {
    const store = world.store();
    const counters = withService(1000);
    const alone = [{ name: '*', quotas: counters[1]!.quotas }];
    const [one, other, third] = await Promise.all([
      store.consume('a', counters, 1),
      store.consume('@service', alone, 1),
      store.consume('b', counters, 1),
    ]);
    expect([one.used[1], other.used[0], third.used[1]].toSorted()).toEqual([1, 2, 3]);
    expect(store.stats().calls).toBe(1);
    expect(await store.peek('@service', alone, 0)).toMatchObject({ used: [3] });
  });

  it('of two accounts that name each other is counted once for each charge', async () => {
    const store = world.store();
    const quotas = [new Quota({ limit: 1000, windowMs: 60_000 })];
    const own = [{ name: 'legs', quotas }];
    const joint = (account: string) => [...own, { name: 'legs', quotas, account }];
    await Promise.all([
      store.consume('a', own, 1),
      store.consume('b', own, 1),
      store.consume('c', joint('a'), 1),
      store.consume('d', joint('b'), 1),
      store.consume('b', joint('a'), 1),
    ]);
    expect(store.stats().calls).toBe(1);
    const used = async (account: string) => (await store.peek(account, own, 0)).used[0];
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(used))).toEqual([3, 3, 1, 1]);
  });

  it.each(['@service}:*', '@service}'])(
    'that is spoilt at {%s fails what needs it, and no other charge',
    async (end) => {
      const store = world.store();
      const counters = withService(1000);
      await store.consume('a', counters, 1);
      const key = `${world.prefix}:v1:{${end}`;
      await world.plain.multi().del(key).set(key, 'x', 'PX', 60_000).exec();
      const [a, b, alone] = await Promise.allSettled([
        store.consume('a', counters, 1),
        store.consume('b', counters, 1),
        store.consume('c', counters.slice(0, 1), 1),
      ]);
      // An index is needed only where a counter begins, and that of the service is there.
      const expected = end.endsWith('}') ? 'fulfilled' : 'rejected';
      expect([a.status, b.status, alone.status]).toEqual([expected, expected, 'fulfilled']);
      if (expected === 'rejected') {
        expect((a as PromiseRejectedResult).reason).toMatchObject({ charged: 'no', concerns: 'account' });
        expect((a as PromiseRejectedResult).reason.message).toContain('"@service"');
        expect(await store.peek('b', counters.slice(0, 1), 0)).toMatchObject({ used: [0] });
      }
      await store.reset('@service');
      expect(await store.consume('b', counters, 1)).toMatchObject({ allowed: true });
    },
  );

  it('whose index is spoilt before it begins leaves no counter of the account behind', async () => {
    const store = world.store();
    await world.plain.set(indexOf('@service'), 'x', 'PX', 60_000);
    await expect(store.consume('a', withService(9), 1)).rejects.toMatchObject({ charged: 'no', concerns: 'account' });
    expect(await store.peek('a', counterOf(5), 0)).toMatchObject({ used: [0] });
    expect(await world.keys()).not.toContain(`${indexOf('a')}:legs`);
  });
});
