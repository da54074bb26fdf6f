import {
  type Charge,
  type Decision,
  definePolicy,
  MemoryStore,
  type PolicyOptions,
  perMinute,
  perSecond,
  RateLimiter,
  type Store,
} from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';

function limiterOf(policy: PolicyOptions) {
  const time = { now: 1e6 };
  const store = new MemoryStore({ clock: () => time.now });
  const limiter = new RateLimiter({ policy, store });
  const consume = (account: string, category = 'legs', cost = 1) =>
    limiter.consume({ account, category, cost }) as Decision;
  return { time, store, limiter, consume };
}

const twoQuotas: PolicyOptions = { quotas: [perMinute(5), perSecond(2)], total: [perMinute(6)] };
const closed = expect.objectContaining({ code: 'TOLLGATE_CLOSED' });

describe('decision', () => {
  it('reports the state of each quota', () => {
    const { limiter, consume, time } = limiterOf(twoQuotas);
    consume('a');
    time.now += 400;
    const decision = limiter.consume({ account: 'a', category: 'legs' }) as Decision;
    expect(decision).toMatchObject({
      allowed: true,
      reason: 'admitted',
      account: 'a',
      category: 'legs',
      cost: 1,
      retryAfterMs: 0,
    });
    expect(decision.address).toBeUndefined();
    expect(decision.quotas).toEqual([
      {
        name: 'per-minute',
        scope: 'category',
        limit: 5,
        windowMs: 60_000,
        used: 2,
        remaining: 3,
        resetAfterMs: 59_600,
      },
      { name: 'per-second', scope: 'category', limit: 2, windowMs: 1000, used: 2, remaining: 0, resetAfterMs: 600 },
      {
        name: 'total-per-minute',
        scope: 'total',
        limit: 6,
        windowMs: 60_000,
        used: 2,
        remaining: 4,
        resetAfterMs: 59_600,
      },
    ]);
    expect(decision.tightest).toEqual(decision.quotas[1]);
  });

  it('names the time to retry after a refusal, which charges nothing', () => {
    const { consume, time } = limiterOf(twoQuotas);
    consume('a', 'legs', 2);
    time.now += 300;
    const refused = consume('a');
    expect(refused).toMatchObject({ allowed: false, reason: 'limit-reached', retryAfterMs: 700, receipt: undefined });
    expect(refused.quotas.map(({ used }) => used)).toEqual([2, 2, 2]);
    time.now += 699;
    expect(consume('a').allowed).toBe(false);
    time.now += 1;
    expect(consume('a')).toMatchObject({ allowed: true, retryAfterMs: 0 });
  });

  it('reports a cost that can never fit', () => {
    const { consume } = limiterOf(twoQuotas);
    expect(consume('a', 'legs', 3)).toMatchObject({ allowed: false, reason: 'cost-above-limit', retryAfterMs: null });
    expect(consume('a', 'legs', 2 ** 31 - 1)).toMatchObject({ reason: 'cost-above-limit', retryAfterMs: null });
  });

  it('counts the total over all categories', () => {
    const { consume } = limiterOf({ quotas: [perMinute(4)], total: [perMinute(6)] });
    for (let i = 0; i < 4; i++) expect(consume('a', 'legs').allowed).toBe(true);
    expect(consume('a', 'actions', 2).allowed).toBe(true);
    const refused = consume('a', 'misc');
    expect(refused.allowed).toBe(false);
    expect(refused.tightest).toMatchObject({ scope: 'total', remaining: 0, limit: 6 });
    expect(refused.quotas[0]).toMatchObject({ scope: 'category', used: 0 });
    expect(consume('b', 'misc').allowed).toBe(true);
  });

  it('names as tightest, of equally tight quotas, the one whose room grows last', () => {
    const { consume } = limiterOf({ quotas: [perSecond(2), perMinute(2)] });
    expect(consume('a').tightest).toMatchObject({ remaining: 1, windowMs: 60_000 });
    const { consume: other } = limiterOf({ quotas: [perMinute(2), perSecond(2)] });
    expect(other('a').tightest).toMatchObject({ remaining: 1, windowMs: 60_000 });
  });

  it('never reports a negative remaining cost after the limit has shrunk', () => {
    const { store, consume } = limiterOf({ quotas: [perMinute(5)] });
    consume('a', 'legs', 5);
    const shrunk = new RateLimiter({ store, policy: { quotas: [perMinute(2)] } });
    const decision = shrunk.consume({ account: 'a', category: 'legs' }) as Decision;
    expect(decision).toMatchObject({ allowed: false });
    expect(decision.tightest).toMatchObject({ limit: 2, used: 5, remaining: 0 });
  });

  it('does not change later', () => {
    const { limiter, consume, time } = limiterOf(twoQuotas);
    const decisions = [
      consume('a'),
      consume('a'),
      consume('a'),
      limiter.peek({ account: 'a', category: 'legs' }) as Decision,
    ];
    const { consume: twin } = limiterOf(twoQuotas);
    const seen = [twin('a'), twin('a'), twin('a')].map((decision) => JSON.stringify(decision));
    limiter.refund(decisions[0]!.receipt!);
    consume('a');
    time.now += 60_000;
    consume('a', 'legs', 2);
    limiter.reset({ account: 'a' });
    expect(decisions.slice(0, 3).map((decision) => JSON.stringify(decision))).toEqual(seen);
    expect(decisions[3]!.quotas.map(({ used }) => used)).toEqual([2, 2, 2]);
  });

  it('admits without a charge if no quota applies', () => {
    const { consume, store } = limiterOf({ quotas: 'unlimited' });
    const decision = consume('a', 'legs', 1000);
    expect(decision).toMatchObject({
      allowed: true,
      reason: 'admitted',
      quotas: [],
      tightest: undefined,
      receipt: undefined,
    });
    expect(store.stats().counters).toBe(0);
  });

  it('has everything but the receipt in its JSON', () => {
    const { consume } = limiterOf({ quotas: [perMinute(5)] });
    expect(JSON.parse(JSON.stringify(consume('a')))).toEqual({
      allowed: true,
      wouldRefuse: false,
      reason: 'admitted',
      source: 'store',
      account: 'a',
      category: 'legs',
      cost: 1,
      retryAfterMs: 0,
      quotas: [
        {
          name: 'per-minute',
          scope: 'category',
          limit: 5,
          windowMs: 60_000,
          used: 1,
          remaining: 4,
          resetAfterMs: 60_000,
        },
      ],
    });
  });
});

describe('consume and peek', () => {
  it('return a value in memory, and a promise if the store does', async () => {
    const { limiter, store } = limiterOf(twoQuotas);
    expect(isPromise(limiter.consume({ account: 'a', category: 'legs' }))).toBe(false);
    const distant: Store = {
      consume: async (...charge) => store.consume(...charge),
      peek: async (...charge) => store.peek(...charge),
      refund: async (...charge) => store.refund(...charge),
      reset: async (...target) => store.reset(...target),
      close: () => undefined,
    };
    const over = new RateLimiter({ policy: twoQuotas, store: distant });
    const asked = over.consume({ account: 'a', category: 'legs' });
    expect(isPromise(asked)).toBe(true);
    const decision = await asked;
    expect(decision.quotas[0]!.used).toBe(2);
    expect(await over.refund(decision.receipt!)).toBe(true);
    expect(await over.refund(decision.receipt!)).toBe(false);
    expect((await over.peek({ account: 'a', category: 'legs' })).quotas[0]!.used).toBe(1);
  });

  it('peek decides like consume, and charges nothing', () => {
    const { limiter, consume, store } = limiterOf(twoQuotas);
    const peeked = limiter.peek({ account: 'a', category: 'legs', cost: 2 }) as Decision;
    expect(peeked).toMatchObject({ allowed: true, receipt: undefined });
    expect(peeked.quotas.map(({ used }) => used)).toEqual([0, 0, 0]);
    expect(store.stats().counters).toBe(0);
    consume('a', 'legs', 2);
    expect(limiter.peek({ account: 'a', category: 'legs' })).toMatchObject({ allowed: false, retryAfterMs: 1000 });
  });

  it('a cost of 0 is always admitted and gives no receipt', () => {
    const { consume } = limiterOf({ quotas: [perMinute(1)] });
    consume('a');
    expect(consume('a', 'legs', 0)).toMatchObject({ allowed: true, receipt: undefined });
    expect(consume('a', 'legs', 1).allowed).toBe(false);
  });

  it.each([
    [
      { account: 'a', category: 'legs', cost: -1 },
      RangeError,
      'RANGE',
      'Expected `cost` to be an integer from 0 to 2147483647, got -1',
    ],
    [{ account: 'a', category: 'legs', cost: 0.5 }, RangeError, 'RANGE', 'got 0.5'],
    [{ account: 'a', category: 'legs', cost: Number.NaN }, RangeError, 'RANGE', 'got NaN'],
    [{ account: 'a', category: 'legs', cost: 2 ** 31 }, RangeError, 'RANGE', 'got 2147483648'],
    [
      { account: 'a', category: 'legs', cost: '1' },
      TypeError,
      'TYPE',
      'Expected `cost` to be an integer from 0 to 2147483647, got "1"',
    ],
    [{ account: 'a', category: 'legs', cost: null }, TypeError, 'TYPE', 'got null'],
    [
      { account: 'a', category: '' },
      TypeError,
      'TYPE',
      'Expected `category` to be a string of at least one character, got ""',
    ],
    [{ account: 'a' }, TypeError, 'TYPE', 'Expected `category`'],
    [{ account: 5, category: 'legs' }, TypeError, 'TYPE', 'Expected `account` to be a string, got 5'],
    [{ category: 'legs' }, TypeError, 'TYPE', 'Expected `account` to be a string, got undefined'],
  ])('refuse the charge %j', (charge, kind, code, message) => {
    const { limiter, store } = limiterOf(twoQuotas);
    for (const ask of [() => limiter.consume(charge as never), () => limiter.peek(charge as never)]) {
      expect(ask).toThrow(kind);
      expect(ask).toThrow(expect.objectContaining({ code: `TOLLGATE_OPTION_${code}` }));
      expect(ask).toThrow(message);
    }
    expect(store.stats().counters).toBe(0);
  });
});

describe('refund', () => {
  it('works once', () => {
    const { limiter, consume } = limiterOf({ quotas: [perMinute(3)], total: [perMinute(3)] });
    const { receipt } = consume('a', 'legs', 2);
    consume('a');
    expect(consume('a').allowed).toBe(false);
    expect(limiter.refund(receipt!)).toBe(true);
    expect(limiter.refund(receipt!)).toBe(false);
    expect(consume('a').quotas.map(({ used }) => used)).toEqual([2, 2]);
  });

  it('works once even if the store fails during it', async () => {
    const { store } = limiterOf(twoQuotas);
    const failing: Store = {
      consume: (...charge) => store.consume(...charge),
      peek: (...charge) => store.peek(...charge),
      refund: () => {
        throw new Error('the connection is gone');
      },
      reset: () => undefined,
      close: () => undefined,
    };
    const limiter = new RateLimiter({ policy: twoQuotas, store: failing });
    const { receipt } = limiter.consume({ account: 'a', category: 'legs' }) as Decision;
    await expect(limiter.refund(receipt!)).rejects.toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      charged: 'unknown',
      message: 'The store failed: the connection is gone',
    });
    expect(limiter.refund(receipt!)).toBe(false);
  });

  it('accepts receipts of any limiter on the same store, and no others', () => {
    const { limiter, store, consume } = limiterOf(twoQuotas);
    const stranger = limiterOf(twoQuotas);
    const sibling = new RateLimiter({ policy: { quotas: [perMinute(9)] }, store });
    const foreign = expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' });
    const { receipt } = consume('a');
    expect(() => stranger.limiter.refund(receipt!)).toThrow(foreign);
    for (const value of [undefined, null, {}, 'receipt', Object.create(receipt as object)]) {
      expect(() => limiter.refund(value as never)).toThrow(foreign);
      expect(() => limiter.refund(value as never)).toThrow('Expected `receipt` to be');
    }
    // The refused call did not use up the receipt.
    expect(sibling.refund(receipt!)).toBe(true);
    expect(limiter.peek({ account: 'a', category: 'legs' })).toMatchObject({ tightest: { used: 0 } });
  });
});

describe('accounts and addresses', () => {
  const ids = ['1.2.3.4', '@:1.2.3.4', '@1.2.3.4', '@@:1.2.3.4', '@x', '@@x', 'x', '', '@', '@@', '@:', ':'];

  it('no account id names another account or an address', () => {
    const { limiter } = limiterOf({ quotas: [perMinute(1)] });
    const who = ids.flatMap((id) => [{ account: id }, { address: id }]);
    for (const identity of who) {
      expect(limiter.consume({ ...identity, category: 'legs' } as never)).toMatchObject({ allowed: true, ...identity });
      expect(limiter.consume({ ...identity, category: 'legs' } as never)).toMatchObject({ allowed: false });
    }
  });

  it('a reset of one does not change the others', () => {
    const { limiter } = limiterOf({ quotas: [perMinute(1)] });
    for (const id of ids) {
      limiter.consume({ account: id, category: 'legs' });
      limiter.consume({ address: id, category: 'legs' });
    }
    limiter.reset({ address: '1.2.3.4' });
    limiter.reset({ account: '@x', category: 'legs' });
    expect(limiter.peek({ address: '1.2.3.4', category: 'legs' })).toMatchObject({ allowed: true });
    expect(limiter.peek({ account: '@x', category: 'legs' })).toMatchObject({ allowed: true });
    expect(limiter.peek({ account: '@:1.2.3.4', category: 'legs' })).toMatchObject({ allowed: false });
    expect(limiter.peek({ account: '@@x', category: 'legs' })).toMatchObject({ allowed: false });
    expect(limiter.peek({ account: 'x', category: 'legs' })).toMatchObject({ allowed: false });
  });

  it('an address never has the quotas of an account', () => {
    const { limiter } = limiterOf({ quotas: [perMinute(1)], accounts: { '1.2.3.4': { quotas: [perMinute(9)] } } });
    expect(limiter.consume({ address: '1.2.3.4', category: 'legs' })).toMatchObject({ tightest: { limit: 1 } });
    expect(limiter.consume({ account: '1.2.3.4', category: 'legs' })).toMatchObject({ tightest: { limit: 9 } });
  });
});

describe('reset', () => {
  const policy: PolicyOptions = {
    quotas: [perMinute(2)],
    categories: { free: 'unlimited' },
    total: [perMinute(5)],
    environments: { sandbox: { quotas: [perMinute(1)] } },
  };

  it('deletes one category, one environment of it, or the whole account', () => {
    const { limiter, consume } = limiterOf(policy);
    const usedOf = (category: string, environment?: string) =>
      (limiter.peek({ account: 'a', category, environment }) as Decision).quotas.map(({ used }) => used);
    consume('a', 'legs');
    consume('a', 'actions');
    limiter.consume({ account: 'a', category: 'legs', environment: 'sandbox' });
    limiter.reset({ account: 'a', category: 'legs' });
    expect([usedOf('legs'), usedOf('actions'), usedOf('legs', 'sandbox')]).toEqual([
      [0, 3],
      [1, 3],
      [1, 3],
    ]);
    limiter.reset({ account: 'a', category: 'legs', environment: 'sandbox' });
    expect([usedOf('actions'), usedOf('legs', 'sandbox')]).toEqual([
      [1, 3],
      [0, 3],
    ]);
    // A category without limits has no counter, and the total is no counter of the category.
    limiter.reset({ account: 'a', category: 'free' });
    expect(usedOf('actions')).toEqual([1, 3]);
    limiter.reset({ account: 'a' });
    expect([usedOf('actions'), usedOf('legs', 'sandbox')]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('construction and close', () => {
  it('accepts a policy or its options, and makes a memory store by default', () => {
    const ofOptions = new RateLimiter({ policy: { quotas: [perMinute(1)] } });
    const ofPolicy = new RateLimiter({ policy: definePolicy({ quotas: [perMinute(1)] }) });
    for (const limiter of [ofOptions, ofPolicy]) {
      expect(limiter.consume({ account: 'a', category: 'legs' })).toMatchObject({ allowed: true });
      expect(limiter.consume({ account: 'a', category: 'legs' })).toMatchObject({ allowed: false });
      limiter.close();
    }
  });

  it.each([
    [{ policy: { quotas: [] } }, 'TOLLGATE_OPTION_RANGE', 'policy.quotas'],
    [{}, 'TOLLGATE_OPTION_TYPE', '`policy`'],
    [
      { policy: { quotas: 'unlimited' }, store: {} },
      'TOLLGATE_OPTION_TYPE',
      'Expected `store` to be a store with the method consume',
    ],
    [{ policy: { quotas: 'unlimited' }, store: null }, 'TOLLGATE_OPTION_TYPE', 'got null'],
    [{ policy: { quotas: 'unlimited' }, stor: {} }, 'TOLLGATE_OPTION_UNKNOWN', 'RateLimiter.stor'],
    [undefined, 'TOLLGATE_OPTION_TYPE', 'Expected `RateLimiter` to be a plain object, got undefined'],
  ])('refuses the options %j', (options, code, message) => {
    const make = () => new RateLimiter(options as never);
    expect(make).toThrow(expect.objectContaining({ code }));
    expect(make).toThrow(message);
  });

  it('after close every method throws, and a given store stays open', () => {
    const { limiter, consume, store } = limiterOf(twoQuotas);
    const { receipt } = consume('a');
    limiter.close();
    limiter.close();
    expect(() => limiter.consume({ account: 'a', category: 'legs' })).toThrow(closed);
    expect(() => limiter.peek({ account: 'a', category: 'legs' })).toThrow(closed);
    expect(() => limiter.refund(receipt!)).toThrow(closed);
    expect(() => limiter.reset({ account: 'a' })).toThrow(closed);
    expect(store.stats().counters).toBe(2);
    store.close();
    expect(() => store.stats()).toThrow(closed);
  });
});

describe('reset', () => {
  it('finds the counter whatever plan or region its charges had', () => {
    const { limiter } = limiterOf({
      quotas: 'unlimited',
      plans: { trial: { quotas: [perMinute(1)] } },
      environments: { sandbox: { categories: { legs: [perMinute(1)] } } },
      accounts: { provisioned: { quotas: [perMinute(1)] } },
    });
    const allowed = (charge: Charge) => (limiter.consume(charge) as Decision).allowed;
    const trial = { account: 'a', category: 'legs', plan: 'trial' };
    const sandbox = { account: 'a', category: 'legs', environment: 'sandbox' };
    const shared = { account: 'provisioned', category: 'legs', environment: 'sandbox' };
    for (const charge of [trial, sandbox, shared]) expect([allowed(charge), allowed(charge)]).toEqual([true, false]);
    limiter.reset({ account: 'a', category: 'legs' });
    expect([allowed(trial), allowed(sandbox)]).toEqual([true, false]);
    limiter.reset(sandbox);
    expect([allowed(trial), allowed(sandbox)]).toEqual([false, true]);
    limiter.reset(shared);
    expect(allowed(shared)).toBe(true);
  });
});

describe('an invalid charge', () => {
  it('is an error with a code, also without any argument', () => {
    const { limiter } = limiterOf(twoQuotas);
    const coded = expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' });
    for (const nothing of [undefined, null, 'a'] as unknown as Charge[]) {
      expect(() => limiter.consume(nothing)).toThrow(coded);
      expect(() => limiter.peek(nothing)).toThrow(coded);
      expect(() => limiter.reset(nothing)).toThrow(coded);
    }
    expect(() => limiter.reset({ account: 'a', category: '' })).toThrow(coded);
  });
});
