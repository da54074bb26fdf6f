import {
  type Charge,
  type Decision,
  MemoryStore,
  type PolicyOptions,
  perMinute,
  RateLimiter,
  type Store,
  StoreError,
} from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nextTurn, warnings } from '../live-limiter.js';

const quotas = [perMinute(1)];

/** Limiters of these names on one store; the name `undefined` stands for a limiter without one. */
function limitersOn(
  store: MemoryStore,
  policy: PolicyOptions,
  ...names: (string | undefined)[]
): { readonly limiter: RateLimiter; readonly allowed: (charge?: Partial<Charge>) => boolean }[] {
  return names.map((name) => {
    const limiter = new RateLimiter({ ...(name !== undefined && { name }), policy, store });
    onTestFinished(() => limiter.close() as undefined);
    const charge = { account: 'acme', category: 'legs' };
    const allowed = (more: Partial<Charge> = {}) =>
      (limiter.consume({ ...charge, ...more } as Charge) as Decision).allowed;
    return { limiter, allowed };
  });
}

describe('limiters of different names on one store', () => {
  it.each<[what: string, policy: PolicyOptions, refused: Partial<Charge>]>([
    ['category', { quotas }, {}],
    ['total', { quotas: 'unlimited', total: quotas }, { category: 'other' }],
    ['environment', { quotas: 'unlimited', environments: { sandbox: { quotas } } }, { environment: 'sandbox' }],
    ['account layer', { quotas: 'unlimited', accounts: { acme: { quotas } } }, {}],
    ['address', { quotas }, { account: undefined as never, address: '192.0.2.1' }],
  ])('share no counter: %s', (_, policy, charge) => {
    const all = limitersOn(new MemoryStore(), policy, 'login', undefined, 'api');
    for (const { allowed } of all) {
      expect(allowed(charge)).toBe(true);
      expect(allowed(charge)).toBe(false);
    }
  });

  it('share no violations: one is throttled, and the others are not', () => {
    const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 300_000, factor: 0 };
    const [login, plain] = limitersOn(new MemoryStore(), { quotas: [perMinute(2)], throttle }, 'login', undefined);
    for (const time of [1, 2, 3]) expect(login!.allowed()).toBe(time < 3);
    const isThrottled = () =>
      (login!.limiter.peek({ account: 'acme', category: 'legs' }) as Decision).throttled !== undefined;
    expect(isThrottled()).toBe(true);
    expect(plain!.allowed()).toBe(true);
    plain!.limiter.pardon({ account: 'acme' });
    expect(isThrottled()).toBe(true);
    login!.limiter.pardon({ account: 'acme' });
    expect(isThrottled()).toBe(false);
  });

  it('reset their own counters alone: of one category, and of the account', () => {
    const both = { quotas, total: [perMinute(2)] };
    const [login, plain, api] = limitersOn(new MemoryStore(), both, 'login', undefined, 'api');
    for (const one of [login!, plain!, api!]) expect(one.allowed()).toBe(true);
    login!.limiter.reset({ account: 'acme', category: 'legs' });
    expect([login!.allowed(), plain!.allowed(), api!.allowed()]).toEqual([true, false, false]);
    plain!.limiter.reset({ account: 'acme' });
    expect([login!.allowed(), plain!.allowed(), api!.allowed()]).toEqual([false, true, false]);
    api!.limiter.reset({ account: 'acme' });
    expect([login!.allowed(), plain!.allowed(), api!.allowed()]).toEqual([false, false, true]);
  });

  it('give back by a receipt what they have charged', () => {
    const [login, plain] = limitersOn(new MemoryStore(), { quotas: [perMinute(2)] }, 'login', undefined);
    const decision = login!.limiter.consume({ account: 'acme', category: 'legs' }) as Decision;
    plain!.allowed();
    login!.limiter.refund(decision.receipt!);
    const used = ({ limiter }: { limiter: RateLimiter }) =>
      (limiter.peek({ account: 'acme', category: 'legs' }) as Decision).tightest!.used;
    expect([used(login!), used(plain!)]).toEqual([0, 1]);
  });

  it('have candidates on counters of their own, which a reset includes', () => {
    const store = new MemoryStore();
    const candidate = { quotas: [perMinute(1)] };
    const policy = { quotas: [perMinute(10)] };
    const [login, api] = ['login', 'api'].map((name) => new RateLimiter({ name, policy, candidate, store }));
    const charge = { account: 'acme', category: 'legs' };
    for (const limiter of [login!, api!, login!]) limiter.consume(charge);
    expect(login!.stats().candidate).toMatchObject({ bothAllow: 1, onlyCandidateRefuses: 1 });
    expect(api!.stats().candidate).toMatchObject({ bothAllow: 1, onlyCandidateRefuses: 0 });
    for (const target of [charge, { account: 'acme' }]) {
      login!.reset(target);
      login!.consume(charge);
      api!.consume(charge);
    }
    expect(login!.stats().candidate).toMatchObject({ bothAllow: 3, onlyCandidateRefuses: 1 });
    expect(api!.stats().candidate).toMatchObject({ bothAllow: 1, onlyCandidateRefuses: 2 });
  });

  it('share no counter during an outage either, and write theirs back to their own', async () => {
    const memory = new MemoryStore();
    const localStore = new MemoryStore();
    let isDown = true;
    const remote = <Answer>(act: () => Answer): Promise<Answer> =>
      isDown ? Promise.reject(new StoreError('away', { charged: 'no' })) : Promise.resolve(act());
    const store: Store = {
      consume: (...args) => remote(() => memory.consume(...args)),
      peek: (...args) => remote(() => memory.peek(...args)),
      refund: (...args) => remote(() => memory.refund(...(args as Parameters<MemoryStore['refund']>))),
      record: (...args) => remote(() => memory.record(...args)),
      reset: (...args) => remote(() => memory.reset(...args)),
      close: () => memory.close(),
    };
    const charge = { account: 'acme', category: 'legs' };
    const limiters = [{ name: 'login' }, {}].map(
      (named) => new RateLimiter({ ...named, policy: { quotas }, store, localStore }),
    );
    onTestFinished(() => {
      for (const limiter of limiters) limiter.close();
    });
    for (const limiter of limiters) {
      expect(await limiter.consume(charge)).toMatchObject({ allowed: true, source: 'local' });
      expect(await limiter.consume(charge)).toMatchObject({ allowed: false, source: 'local' });
    }
    isDown = false;
    const used = (name: string) => memory.peek('acme', [{ name, quotas }], 0).used[0];
    await expect.poll(() => [used('legs'), used('*login/legs')]).toEqual([1, 1]);
  });

  it('never meet, whatever the characters of categories and environments', () => {
    const piece = fc.constantFrom(
      '*',
      '/',
      '%',
      '%2a',
      '%2f',
      'login',
      'api',
      'legs',
      '!',
      ',',
      ':',
      '}{',
      '\0',
      '\ud800',
    );
    const name = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
    const place = fc.record({
      limiter: fc.constantFrom(undefined, 'login', 'api', 'legs', 'login.legs'),
      environment: fc.option(name, { nil: undefined }),
      category: name,
    });
    const places = fc.uniqueArray(place, { selector: (one) => JSON.stringify(one), minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(places, (places) => {
        const store = new MemoryStore();
        const environments = Object.fromEntries(places.map(({ environment = 'none' }) => [environment, { quotas }]));
        const policy = { quotas, environments };
        for (const { limiter, ...charge } of places) {
          const [one] = limitersOn(store, policy, limiter);
          expect(one!.allowed(charge)).toBe(true);
          expect(one!.allowed(charge)).toBe(false);
        }
      }),
    );
  });
});

describe('the name of a limiter', () => {
  it('default is the same as none', () => {
    const [none, named] = limitersOn(new MemoryStore(), { quotas }, undefined, 'default');
    expect([none!.allowed(), named!.allowed()]).toEqual([true, false]);
  });

  it.each(['', 'a/b', '*', 'a:b', '}{', 'a\0b', 'a b', 'é', '%2f', '@', '\ud800', 'a'.repeat(65), 'x'.repeat(10_000)])(
    'is refused with other characters or too long: %j',
    (name) => {
      let thrown: unknown;
      try {
        new RateLimiter({ name, policy: { quotas } });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ name: 'RangeError', code: 'TOLLGATE_OPTION_RANGE', option: 'name' });
      expect((thrown as Error).message).toMatch(/^Expected `name` to be .{20,}, got "/);
      expect((thrown as Error).message.length).toBeLessThan(300);
    },
  );

  it.each(['a', 'A-z_0.9', '__proto__', 'constructor', 'a'.repeat(64)])('may be %s', (name) => {
    const [one, plain] = limitersOn(new MemoryStore(), { quotas }, name, undefined);
    expect([one!.allowed(), one!.allowed(), plain!.allowed()]).toEqual([true, false, true]);
  });
});

describe('limiters of one name and store', () => {
  const message = (name: string) =>
    `Two limiters with the name ${name} and different policies share the counters of one store. ` +
    'Give each a name of its own, or the same policy object to both';

  it('with different policies are reported, once for each name', async () => {
    const warned = await warnings();
    const store = new MemoryStore();
    for (const limit of [1, 2, 3]) limitersOn(store, { quotas: [perMinute(limit)] }, undefined, 'login', 'default');
    await nextTurn();
    expect(warned).toEqual([message('default'), message('login')]);
  });

  it('are not reported with one policy, after a close, on stores of their own, or by a changed policy', async () => {
    const warned = await warnings();
    const store = new MemoryStore();
    const policy = { quotas };
    const [first, second] = [...limitersOn(store, policy, 'api'), ...limitersOn(store, policy, 'api')];
    const next = { quotas: [perMinute(2)] };
    for (const { limiter } of [first!, second!]) limiter.setPolicy(next);
    limitersOn(store, next, 'api');
    const closed = new RateLimiter({ name: 'closed', policy, store });
    closed.close();
    limitersOn(store, { quotas }, 'closed');
    for (const limit of [1, 2]) new RateLimiter({ policy: { quotas: [perMinute(limit)] } });
    for (const limit of [1, 2]) limitersOn(new MemoryStore(), { quotas: [perMinute(limit)] }, 'api');
    await nextTurn();
    expect(warned).toEqual([]);
  });
});

it('stats().decisions counts every charge, whatever came of it, and no peek', () => {
  const [one] = limitersOn(new MemoryStore(), { quotas, categories: { free: 'unlimited' } }, undefined);
  const { limiter, allowed } = one!;
  expect(limiter.stats().decisions).toBe(0);
  expect([allowed(), allowed(), allowed({ category: 'free' })]).toEqual([true, false, true]);
  limiter.peek({ account: 'acme', category: 'legs' });
  expect(() => limiter.consume({ account: 'acme', category: '' })).toThrow();
  limiter.suspend();
  allowed();
  expect(limiter.stats().decisions).toBe(4);
});
