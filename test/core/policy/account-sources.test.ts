import {
  type AccountLayer,
  type AccountSource,
  defineAccountLayer,
  MemoryStore,
  type Policy,
  perMinute,
  RateLimiter,
  type Store,
} from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { fakeTime, pass } from '../failing-world.js';
import { liveWorld, nextTurn, warnings } from '../live-limiter.js';

const policy = {
  quotas: [perMinute(1)],
  accounts: { ameyo5m: { quotas: [perMinute(2)] } },
  environments: { sandbox: { quotas: [perMinute(3)] } },
};
const provisioned = defineAccountLayer({ categories: { legs: [perMinute(9)] } });

/** A source with the same layer for every account. */
function always(layer: AccountLayer | undefined): AccountSource {
  return { layerOf: () => layer };
}

describe('a source of account layers', () => {
  it('overrides the policy, category by category', () => {
    const { consume } = liveWorld({ policy, accounts: always(provisioned) });
    expect(consume().tightest).toMatchObject({ limit: 9, used: 1 });
    expect(consume({ environment: 'sandbox' }).tightest).toMatchObject({ limit: 9, used: 2 });
    expect(consume({ category: 'actions' }).tightest).toMatchObject({ limit: 2 });
    expect(consume({ account: 'other', category: 'actions', environment: 'sandbox' }).tightest).toMatchObject({
      limit: 3,
    });
  });

  it('applies from the next charge on, and earlier admissions count', () => {
    const layers = new Map<string, AccountLayer>();
    const { consume } = liveWorld({ policy, accounts: { layerOf: (account) => layers.get(account) } });
    for (let times = 0; times < 3; times++) consume();
    expect(consume()).toMatchObject({ allowed: false, tightest: { limit: 2, used: 2 } });
    layers.set('ameyo5m', provisioned);
    expect(consume()).toMatchObject({ allowed: true, tightest: { limit: 9, used: 3 } });
    layers.delete('ameyo5m');
    expect(consume()).toMatchObject({ allowed: false, tightest: { limit: 2, used: 3, remaining: 0 } });
  });

  it('has no layer for an account if it returns null, directly or as a promise', async () => {
    const none = null as unknown as undefined;
    for (const answer of [none, Promise.resolve(none)]) {
      const { limiter } = liveWorld({ policy, accounts: [{ layerOf: () => answer }, always(provisioned)] });
      const decision = await limiter.consume({ account: 'ameyo5m', category: 'legs' });
      expect(decision.tightest).toMatchObject({ limit: 9 });
      const alone = liveWorld({ policy, accounts: { layerOf: () => answer } });
      const alike = await alone.limiter.consume({ account: 'ameyo5m', category: 'legs' });
      expect(alike.tightest).toMatchObject({ limit: 2 });
      expect(alone.limiter.stats().sourceFailures).toBe(0);
    }
  });

  it('is not called for addresses', () => {
    const asked: string[] = [];
    const { limiter } = liveWorld({
      policy,
      accounts: {
        layerOf(account) {
          asked.push(account);
          return undefined;
        },
      },
    });
    limiter.consume({ address: '192.0.2.1', category: 'legs' });
    limiter.consume({ account: '__proto__', category: 'legs' });
    expect(asked).toEqual(['__proto__']);
  });

  it('that is the first of several to return a layer decides', async () => {
    const { limiter } = liveWorld({
      policy,
      accounts: [
        always(undefined),
        { layerOf: async () => undefined },
        { layerOf: async () => provisioned },
        always(defineAccountLayer({ quotas: [perMinute(5)] })),
      ],
    });
    const decision = await limiter.consume({ account: 'ameyo5m', category: 'legs' });
    expect(decision.tightest).toMatchObject({ limit: 9 });
  });

  it('may set or unset throttle and mode of an account', () => {
    const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0.5 };
    const source = always(defineAccountLayer({ throttle: false, mode: 'observe' }));
    const { consume } = liveWorld({ policy: { quotas: [perMinute(1)], throttle }, accounts: source });
    consume();
    expect(consume()).toMatchObject({ allowed: true, wouldRefuse: true, throttled: undefined });
  });

  it('applies without its throttle to a store that has none, with one warning', async () => {
    const warned = await warnings();
    const memory = new MemoryStore();
    const store: Store = {
      consume: (...charge) => memory.consume(...charge),
      peek: (...charge) => memory.peek(...charge),
      refund: (...charge) => memory.refund(...charge),
      reset: (...names) => memory.reset(...names),
      close: () => memory.close(),
    };
    const throttle = { afterViolations: 9, withinMs: 60_000, forMs: 60_000, factor: 0.5 };
    const accounts = always(defineAccountLayer({ quotas: [perMinute(9)], throttle }));
    const limiter = new RateLimiter({ policy, store, accounts });
    for (let times = 0; times < 3; times++) {
      const { tightest } = await limiter.consume({ account: 'ameyo5m', category: 'legs' });
      expect(tightest).toMatchObject({ limit: 9 });
    }
    await nextTurn();
    expect(warned).toEqual([expect.stringContaining('it has no method pardon')]);
    await limiter.close();
  });

  it('whose suspension fails suspends nothing', () => {
    const source: AccountSource = {
      layerOf: () => undefined,
      get suspension(): never {
        throw new Error('no database');
      },
    };
    const { consume } = liveWorld({ policy, accounts: source });
    expect(consume().reason).toBe('admitted');
  });

  it('decides which counter a reset and a pardon concern', async () => {
    const source: AccountSource = { layerOf: async () => provisioned };
    const { limiter } = liveWorld({ policy, accounts: source });
    const charge = { account: 'ameyo5m', category: 'legs', environment: 'sandbox' };
    await limiter.consume(charge);
    await limiter.reset(charge);
    expect((await limiter.peek(charge)).tightest).toMatchObject({ limit: 9, used: 0 });
    await limiter.pardon(charge);
  });

  it('gets one resolution for each layer and category', () => {
    const { limiter } = liveWorld({ policy });
    const resolve = (layer: AccountLayer, ...[category, plan]: [string, string?]) =>
      (limiter.policy as Policy).resolve({ category, account: 'ameyo5m', plan }, layer);
    expect(resolve(provisioned, 'legs')).toBe(resolve(provisioned, 'legs', 'nobody'));
    expect(resolve(provisioned, 'legs')).not.toBe(resolve(defineAccountLayer({}), 'legs'));
    // A full cache is emptied, and answers do not change.
    for (let index = 0; index < 1000; index++) resolve(provisioned, `category ${index}`);
    expect(resolve(provisioned, 'legs').quotas).toEqual([
      { name: 'per-minute', scope: 'category', limit: 9, windowMs: 60_000 },
    ]);
  });

  it.each([{}, 'redis', [null], [{ layerOf: 1 }]])('that is invalid is refused: %j', (accounts) => {
    expect(() => new RateLimiter({ policy, accounts: accounts as never })).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE', option: 'accounts' }),
    );
  });
});

describe('a source that fails', () => {
  fakeTime();

  it('leaves the decision to the policy, and delays no request beyond the timeout', async () => {
    const sources: AccountSource[] = [
      {
        layerOf() {
          throw new Error('no database');
        },
      },
      { layerOf: () => Promise.reject(new Error('no database')) },
      { layerOf: () => new Promise(() => {}) },
    ];
    for (const [index, source] of sources.entries()) {
      const { limiter } = liveWorld({ policy, accounts: source, timeoutMs: 50 });
      const decision = limiter.consume({ account: 'ameyo5m', category: 'legs' });
      if (index === 2) await pass(50);
      expect((await decision).tightest).toMatchObject({ limit: 2 });
      expect(limiter.stats().sourceFailures).toBe(1);
    }
  });

  it('that answers after suspend or close causes no charge', async () => {
    let answer: (layer: AccountLayer | undefined) => void = () => {};
    const source: AccountSource = {
      layerOf: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    };
    const { limiter } = liveWorld({ policy, accounts: source });
    const charge = { account: 'ameyo5m', category: 'legs' };
    const suspended = limiter.consume(charge);
    limiter.suspend();
    answer(undefined);
    expect(await suspended).toMatchObject({ reason: 'suspended' });
    limiter.resume();
    const closed = limiter.consume(charge);
    limiter.close();
    answer(undefined);
    await expect(closed).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
  });
});
