import {
  type Charge,
  type CounterSpec,
  type Decision,
  type MemoryStore,
  type Outcome,
  perHour,
  perSecond,
  RateLimiter,
  type Receipt,
} from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { FailingStore, type Manner } from '../failing-store.js';
import { failingWorld, fakeTime, pass } from '../failing-world.js';

const POLICY = { quotas: [perHour(12)], service: [perHour(40)], each: { leg: [perHour(10)] } };
const BOTH = [
  { account: 'ameyo5m', category: 'legs' },
  { account: 'acme', category: 'legs' },
] as const;

/** What the store has of the account's counter for legs, by default; of another counter by its name. */
function usedIn(memory: MemoryStore, account: string, name = 'legs'): number {
  return memory.peek(account, [{ name, quotas: [perHour(1)] }], 0).used[0]!;
}

function allUsed(memory: MemoryStore) {
  return {
    ameyo5m: usedIn(memory, 'ameyo5m'),
    acme: usedIn(memory, 'acme'),
    service: usedIn(memory, '@service', 'service'),
    leg: usedIn(memory, 'ameyo5m', '*~leg/L1'),
  };
}

describe('several charges at once while the store is away', () => {
  fakeTime();

  it('are decided here as one, and written back to each account', async () => {
    const { goDown, limiter, store } = failingWorld({ quotas: [perHour(2)] });
    await goDown();
    const decisions: Decision[] = [];
    for (let sent = 0; sent < 3; sent++) decisions.push(await limiter.consumeAll(BOTH));
    expect(decisions.map(({ allowed, source }) => [allowed, source])).toEqual([
      [true, 'local'],
      [true, 'local'],
      [false, 'local'],
    ]);
    store.manner = 'well';
    await pass(5000);
    expect([usedIn(store.memory, 'ameyo5m'), usedIn(store.memory, 'acme')]).toEqual([2, 2]);
  });

  it('a reset of the second account forgets what waits for it, and leaves what waits for the first', async () => {
    const { goDown, limiter, store } = failingWorld();
    await goDown();
    await limiter.consumeAll(BOTH);
    const reset = expect(limiter.reset({ account: 'acme' })).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
    await reset;
    store.manner = 'well';
    await pass(5000);
    expect([usedIn(store.memory, 'ameyo5m'), usedIn(store.memory, 'acme')]).toEqual([1, 0]);
    expect(limiter.health().writeBack).toMatchObject({ pending: 0, written: 1 });
  });

  it('what waits for the second account leaves no room there for a charge that the store would admit', async () => {
    const { goDown, limiter, store } = failingWorld({ quotas: [perHour(2)] });
    await goDown();
    await limiter.consumeAll(BOTH);
    await limiter.consumeAll(BOTH);
    // The store is back, but the records are still on their way.
    store.manner = 'well';
    store.manners.set('ameyo5m', 'hang');
    await pass(5000);
    expect((await limiter.consume(BOTH[1] as Charge)).allowed).toBe(false);
  });

  it.each([
    { settled: 1, used: [1, 1] },
    { settled: 0, used: [0, 0] },
    { settled: 2, used: [2, 2] },
    { settled: 4, used: [4, 4] },
  ])('costs of 3 and 1 that are settled at $settled are written back so', async ({ settled, used }) => {
    const { goDown, limiter, local, store } = failingWorld();
    await goDown();
    const { receipt } = await limiter.consumeAll([{ ...BOTH[0], cost: 3 }, BOTH[1]]);
    expect(await limiter.settle(receipt!, settled)).toBe(true);
    expect([usedIn(local, 'ameyo5m'), usedIn(local, 'acme')]).toEqual(used);
    store.manner = 'well';
    await pass(5000);
    expect([usedIn(store.memory, 'ameyo5m'), usedIn(store.memory, 'acme')]).toEqual(used);
  });

  it('the strictest of their modes decides', async () => {
    const { goDown, limiter } = failingWorld({
      onStoreFailure: { default: 'allow', categories: { legs: 'allow', actions: 'deny' } },
    });
    await goDown();
    expect((await limiter.consumeAll(BOTH)).allowed).toBe(true);
    expect(await limiter.consumeAll([BOTH[0], { ...BOTH[1], category: 'actions' }])).toMatchObject({
      allowed: false,
      reason: 'store-unavailable',
    });
  });

  it('the mode of an unlimited charge, or of one that is only observed, refuses nothing', async () => {
    const { goDown, limiter } = failingWorld({
      categories: { events: 'unlimited', actions: { mode: 'observe' } },
      known: { categories: ['legs'] },
      onStoreFailure: { default: 'allow', categories: { events: 'deny', actions: 'deny' } },
    });
    await goDown();
    for (const category of ['events', 'actions']) {
      expect((await limiter.consumeAll([BOTH[0], { ...BOTH[1], category }])).allowed).toBe(true);
    }
  });

  it('a counter that was reset stays so when the charge is settled afterwards', async () => {
    const { goDown, limiter, store } = failingWorld();
    await goDown();
    const { receipt } = await limiter.consumeAll([
      { ...BOTH[0], cost: 3 },
      { ...BOTH[1], cost: 2 },
    ]);
    await expect(limiter.reset({ account: 'acme' })).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
    await limiter.settle(receipt!, 1);
    store.manner = 'well';
    await pass(5000);
    expect([usedIn(store.memory, 'ameyo5m'), usedIn(store.memory, 'acme')]).toEqual([1, 0]);
  });

  it('a lost answer concerns the other accounts of a service for as long as the windows of the service', async () => {
    const { consume, limiter, store } = failingWorld({ quotas: [perHour(3)], service: [perSecond(50)] });
    for (let sent = 0; sent < 3; sent++) await consume(1, 'acme');
    store.manner = 'unknown';
    await consume(1, 'ameyo5m');
    store.manner = 'well';
    await pass(2000);
    // Another process resets the account.
    store.memory.reset('acme');
    expect(await consume(1, 'acme')).toMatchObject({ allowed: true, source: 'store' });
    await limiter.close();
  });

  it('a lost answer of one account does not refuse another, on whose counter the store has room', async () => {
    const { consume, limiter, store } = failingWorld({ quotas: [perHour(3)], service: [perHour(50)] });
    for (let sent = 0; sent < 3; sent++) await consume(1, 'acme');
    store.manner = 'unknown';
    await consume(1, 'ameyo5m');
    store.manner = 'well';
    // Another process resets the account.
    store.memory.reset('acme');
    expect(await consume(1, 'acme')).toMatchObject({ allowed: true, source: 'store' });
    await limiter.close();
  });

  it('charges of many subjects wait in the journal apart, and equal ones together', async () => {
    const { goDown, limiter, store } = failingWorld({ quotas: [perHour(100)], each: { leg: [perHour(50)] } });
    await goDown();
    for (let sent = 0; sent < 30; sent++) {
      const subjects = { leg: `L${sent % 3}` };
      await limiter.consume({ account: 'ameyo5m', category: 'legs', subjects } as Charge);
    }
    store.manner = 'well';
    await pass(5000);
    expect(store.countOf('record')).toBe(3);
    expect(usedIn(store.memory, 'ameyo5m')).toBe(30);
    expect(usedIn(store.memory, 'ameyo5m', '*~leg/L1')).toBe(10);
  });
});

/** A store whose shards are named by the first letter of the account. Calls that need shard `b` are not answered. */
class HalfStore extends FailingStore {
  isHalf = true;

  shardOf(account: string): string {
    return account.slice(0, 1);
  }

  override consume(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    return this.#needs(account, counters) ? new Promise(() => {}) : super.consume(account, counters, cost);
  }

  override record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): Promise<void> {
    return this.#needs(account, counters) ? new Promise(() => {}) : super.record(account, counters, cost, agoMs);
  }

  override probe(account: string): Promise<void> {
    return this.#needs(account, []) ? new Promise(() => {}) : super.probe(account);
  }

  #needs(account: string, counters: readonly CounterSpec[]): boolean {
    return this.isHalf && [{ account }, ...counters].some(({ account }) => account?.startsWith('b'));
  }
}

describe('several charges at once while the shard of one of them is away', () => {
  fakeTime();

  const joint = [
    { account: 'a1', category: 'legs' },
    { account: 'b1', category: 'legs' },
  ];

  async function halfWorld() {
    const store = new HalfStore();
    const { limiter, within } = failingWorld({ quotas: [perHour(1000)] }, {}, store);
    const askBoth = (ms: number) => within(ms, Promise.resolve(limiter.consumeAll(joint)));
    for (let failures = 0; failures < 5; failures++) await askBoth(100);
    // The probe finds that the other shard is well.
    await pass(150);
    return { askBoth, limiter, store };
  }

  it('that shard alone is down, and no charge waits for it', async () => {
    const { askBoth, limiter } = await halfWorld();
    for (let sent = 0; sent < 30; sent++) {
      expect(await askBoth(0)).toMatchObject({ source: 'local' });
      expect(limiter.health().shards.map(({ name }) => name)).toEqual(['b']);
      expect(await limiter.consume(joint[0] as Charge)).toMatchObject({ source: 'store' });
      await pass(10);
    }
  });

  it('they wait for it in the journal, and are written back once', async () => {
    const { askBoth, limiter, store } = await halfWorld();
    for (let sent = 0; sent < 30; sent++) {
      await askBoth(0);
      await limiter.consume(joint[0] as Charge);
      await pass(100);
    }
    expect(limiter.health().writeBack).toMatchObject({ pending: 30, dropped: 0 });
    const recorded = store.countOf('record');
    store.isHalf = false;
    await pass(5000);
    expect(recorded).toBe(0);
    expect(limiter.health().writeBack).toMatchObject({ pending: 0, dropped: 0, written: 30 });
    expect([usedIn(store.memory, 'a1'), usedIn(store.memory, 'b1')]).toEqual([60, 30]);
  });
});

describe('several charges at once with random failures of the store', () => {
  fakeTime();

  const manner = fc.constantFrom<Manner>('well', 'well', 'refuse', 'hold');
  const cost = fc.integer({ min: 1, max: 3 });
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('consume' as const),
        costs: fc.tuple(cost, cost),
        who: fc.constantFrom('first', 'second', 'both'),
        leg: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('manner' as const), manner }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 101, 3000) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'release' as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('settle' as const),
        pick: fc.nat(20),
        actualCost: fc.integer({ min: 0, max: 5 }),
      }),
    },
  );

  it('the recovered store has the real cost of each charge in each counter, but for lost corrections', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
        const store = new FailingStore();
        const limiter = new RateLimiter({ policy: POLICY, store });
        const open: { readonly receipt: Receipt; readonly costs: Partial<ReturnType<typeof allUsed>> }[] = [];
        const charged = { ameyo5m: 0, acme: 0, service: 0, leg: 0 };
        const over = { ...charged };
        const under = { ...charged };
        type Counter = keyof typeof charged;
        for (const one of steps) {
          if (one.kind === 'consume') {
            const first = { ...BOTH[0], cost: one.costs[0], ...(one.leg && { subjects: { leg: 'L1' } }) };
            const second = { ...BOTH[1], cost: one.costs[1] };
            const costs: Partial<typeof charged> = {
              ...(one.who !== 'second' && { ameyo5m: first.cost, ...(one.leg && { leg: first.cost }) }),
              ...(one.who !== 'first' && { acme: second.cost }),
            };
            costs.service = Math.max(...Object.values(costs));
            const decision =
              one.who === 'both'
                ? limiter.consumeAll([first, second])
                : limiter.consume((one.who === 'first' ? first : second) as Charge);
            Promise.resolve(decision).then(({ allowed, receipt }) => {
              if (allowed) for (const name of Object.keys(costs) as Counter[]) charged[name] += costs[name]!;
              if (receipt !== undefined) open.push({ receipt, costs });
            });
          } else if (one.kind === 'manner') store.manner = one.manner;
          else if (one.kind === 'pass') await pass(one.ms);
          else if (one.kind === 'release') {
            store.manner = 'well';
            store.release();
          } else {
            const [found] = open.splice(one.pick % Math.max(1, open.length), 1);
            if (found === undefined) continue;
            let isLost = false;
            const lost = () => {
              isLost = true;
            };
            for (const name of Object.keys(found.costs) as Counter[]) {
              const more = one.actualCost - found.costs[name]!;
              charged[name] += more;
              // A record that was on its way when its charge was settled keeps the cost of before.
              if (more < 0) over[name] -= more;
            }
            Promise.resolve(limiter.settle(found.receipt, one.actualCost))
              .catch(lost)
              .then(() => {
                if (!isLost) return;
                for (const name of Object.keys(found.costs) as Counter[]) {
                  under[name] += Math.max(0, one.actualCost - found.costs[name]!);
                }
              });
          }
          await pass(0);
        }
        await pass(200);
        store.manner = 'well';
        store.release();
        await pass(10_000);
        store.release();
        await pass(10_000);
        const used = allUsed(store.memory);
        for (const name of Object.keys(charged) as Counter[]) {
          expect(used[name], name).toBeLessThanOrEqual(charged[name] + over[name]);
          expect(used[name], name).toBeGreaterThanOrEqual(charged[name] - under[name]);
        }
        await limiter.close();
      }),
      { numRuns: runsFor(150) },
    ));
});

/** A store with a shard for each account, which fails a charge if a shard of any of its accounts is down. */
class ShardedStore extends FailingStore {
  shardOf(account: string): string {
    return account;
  }

  override consume(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    return super.consume(this.#failing(counters) ?? account, counters, cost);
  }

  /** What the other shards take is recorded there all the same. */
  override record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): Promise<void> {
    const failing = this.#failing(counters);
    if (failing === undefined) return super.record(account, counters, cost, agoMs);
    this.memory.record(
      account,
      counters.filter((counter) => counter.account !== failing),
      cost,
      agoMs,
    );
    return super.record(failing, counters, cost, agoMs);
  }

  #failing(counters: readonly CounterSpec[]): string | undefined {
    return counters.map((counter) => counter.account).find((other) => other !== undefined && this.manners.has(other));
  }
}

describe('several accounts in shards that fail one by one', () => {
  fakeTime();

  it.each<Manner>(['unknown', 'hang', 'refuse'])(
    'while the shard of the service is down (%s), no charge waits again and again, and others are decided by the store',
    async (manner) => {
      const store = new ShardedStore();
      const service = new RateLimiter({ policy: { quotas: [perHour(900)], service: [perHour(900)] }, store });
      const apart = new RateLimiter({ name: 'apart', policy: { quotas: [perHour(900)] }, store }) as RateLimiter;
      store.manners.set('@service', manner);
      for (let failures = 0; failures < 5; failures++) {
        const decided = service.consume(BOTH[0]);
        await pass(200);
        expect(await decided).toMatchObject({ allowed: true, source: 'local' });
      }
      store.asked.length = 0;
      for (let second = 0; second < 10; second++) {
        await pass(1000);
        expect(await service.consume(BOTH[0])).toMatchObject({ allowed: true, source: 'local' });
        expect(await service.consume(BOTH[1])).toMatchObject({ allowed: true, source: 'local' });
        expect(await apart.consume(BOTH[0])).toMatchObject({ allowed: true, source: 'store' });
      }
      expect(store.countOf('consume')).toBe(10);
      store.manners.clear();
      await pass(5000);
      expect(await service.consume(BOTH[0])).toMatchObject({ source: 'store' });
      await pass(5000);
      expect(usedIn(store.memory, '@service', 'service')).toBe(manner === 'refuse' ? 26 : 21);
      await service.close();
      await apart.close();
    },
  );

  it('what waits for a shard that is down waits there, and what other shards take alone is written back to them', async () => {
    const store = new ShardedStore();
    const limiter = new RateLimiter({ policy: { quotas: [perHour(900)] }, store });
    for (const account of ['ameyo5m', 'acme']) store.manners.set(account, 'unknown');
    for (let failures = 0; failures < 5; failures++) {
      for (const charge of BOTH) await limiter.consume(charge);
    }
    for (let sent = 0; sent < 3; sent++) await limiter.consumeAll(BOTH);
    for (let sent = 0; sent < 4; sent++) await limiter.consume(BOTH[0]);
    store.manners.delete('ameyo5m');
    for (let second = 0; second < 10; second++) {
      await pass(1000);
      expect(await limiter.consume(BOTH[0])).toMatchObject({ source: 'store' });
      await limiter.consumeAll(BOTH);
    }
    expect(usedIn(store.memory, 'ameyo5m')).toBe(14);
    expect(limiter.health().writeBack).toMatchObject({ pending: 13, dropped: 0 });
    store.manners.clear();
    await pass(5000);
    expect([usedIn(store.memory, 'ameyo5m'), usedIn(store.memory, 'acme')]).toEqual([27, 13]);
    expect(limiter.health().writeBack).toMatchObject({ pending: 0, written: 17, dropped: 0 });
    await limiter.close();
  });
});
