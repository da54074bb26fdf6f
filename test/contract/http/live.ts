import { type Decision, defineAccountLayer, definePolicy, perMinute, RateLimiter, type Store } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { redisWorld } from '../../redis/store-world.js';
import { type RawAnswer, rawFetch } from './raw.js';
import { ENVELOPE_REST, type HttpWorld, LEGS } from './world.js';

/** What clients see while limits shrink, change, are only observed, or are suspended. It is the same on every store. */
export function describeLive(http: HttpWorld): void {
  describe('limits that change at run time, in memory', () => {
    describeOn(http, () => ({
      store: http.memory(),
      advance(ms) {
        http.time.now += ms;
      },
    }));
  });
  describe('limits that change at run time, on Redis', () => {
    const world = redisWorld();
    describeOn(http, () => ({
      store: world.store({ denyCacheSize: 0, timeoutMs: 1000 }),
      advance(ms) {
        world.clock.nowMs += ms;
      },
    }));
  });
}

interface LiveStore {
  readonly store: Store;
  advance(ms: number): void;
}

function describeOn({ closing, start }: HttpWorld, makeStore: () => LiveStore): void {
  const throttle = { afterViolations: 2, withinMs: 60_000, forMs: 300_000, factor: 0.5 };

  function limiterOn(store: Store, options: Omit<ConstructorParameters<typeof RateLimiter>[0], 'store'>): RateLimiter {
    const limiter = new RateLimiter({ ...options, store });
    closing.push(() => limiter.close());
    return limiter;
  }

  /** Status, limit, remaining and Retry-After. */
  const facts = ({ status, headers }: RawAnswer) => [
    status,
    headers['x-ratelimit-limit'],
    headers['x-ratelimit-remaining'],
    headers['retry-after'],
  ];

  it('throttle: the headers show the shrunk limit, Retry-After is exact, and the envelope stays the same', async () => {
    const { store, advance } = makeStore();
    const limiter = limiterOn(store, { policy: { quotas: [perMinute(4)], throttle } });
    const running = await start({ limiter, headers: 'both' });
    const send = async () => rawFetch(running.origin, LEGS);
    for (let sent = 1; sent <= 4; sent++) expect(facts(await send())).toEqual([200, '4', String(4 - sent), undefined]);
    expect(facts(await send())).toEqual([429, '4', '0', '60']);
    const began = await send();
    expect(facts(began)).toEqual([429, '2', '0', '60']);
    expect(began.headers['ratelimit-policy']).toBe('"per-minute";q=2;w=60');
    expect(began.body).toMatch(/^\{"request_id":"[\w-]+"/);
    expect(began.body.endsWith(ENVELOPE_REST)).toBe(true);

    advance(59_999);
    expect(facts(await send())).toEqual([429, '2', '0', '1']);
    advance(1);
    expect(facts(await send())).toEqual([200, '2', '1', undefined]);
    expect(facts(await send())).toEqual([200, '2', '0', undefined]);
    expect(facts(await send())).toEqual([429, '2', '0', '60']);

    await limiter.pardon({ account: 'ameyo5m', category: 'legs' });
    expect(facts(await send())).toEqual([200, '4', '1', undefined]);
  });

  it('throttle: a block ends exactly after Retry-After', async () => {
    const { store, advance } = makeStore();
    const policy = { quotas: [perMinute(1)], throttle: { ...throttle, factor: 0, forMs: 90_000 } };
    const running = await start({ limiter: limiterOn(store, { policy }) });
    const send = async () => facts(await rawFetch(running.origin, LEGS));
    await send();
    await send();
    expect(await send()).toEqual([429, '0', '0', '90']);
    advance(89_999);
    expect(await send()).toEqual([429, '0', '0', '1']);
    advance(1);
    expect(await send()).toEqual([200, '1', '0', undefined]);
  });

  it('observe: every request passes, and the headers and the decision show what the limits would do', async () => {
    const { store } = makeStore();
    const limiter = limiterOn(store, { policy: { quotas: [perMinute(1)], mode: 'observe', throttle } });
    const running = await start({ limiter });
    await rawFetch(running.origin, LEGS);
    for (const remaining of ['0', '0']) {
      const answer = await rawFetch(running.origin, LEGS);
      expect(facts(answer)).toEqual([200, '1', remaining, undefined]);
      expect(answer.headers).not.toHaveProperty('cache-control');
      const { decision } = JSON.parse(answer.body) as { decision: Decision };
      expect(decision).toMatchObject({ allowed: true, wouldRefuse: true, reason: 'limit-reached' });
    }
    expect(limiter.stats()).toMatchObject({ wouldRefuse: 2, throttlings: 1 });
  });

  it('suspend: every request passes without rate-limit headers, until resume', async () => {
    const { store } = makeStore();
    const limiter = limiterOn(store, { policy: { quotas: [perMinute(1)] } });
    const running = await start({ limiter });
    const send = async () => facts(await rawFetch(running.origin, LEGS));
    await send();
    limiter.suspend({ reason: 'a test' });
    expect(await send()).toEqual([200, undefined, undefined, undefined]);
    limiter.resume();
    expect(await send()).toEqual([429, '1', '0', '60']);
  });

  it('setPolicy: the new limits apply from the next request on, and earlier admissions count', async () => {
    const { store } = makeStore();
    const limiter = limiterOn(store, { policy: { quotas: [perMinute(2)] } });
    const running = await start({ limiter });
    const send = async () => facts(await rawFetch(running.origin, LEGS));
    await send();
    await send();
    expect(await send()).toEqual([429, '2', '0', '60']);
    limiter.setPolicy(definePolicy({ quotas: [perMinute(4)] }));
    expect(await send()).toEqual([200, '4', '1', undefined]);
    expect(() => limiter.setPolicy({ quotas: [] })).toThrow(RangeError);
    expect(await send()).toEqual([200, '4', '0', undefined]);
    limiter.setPolicy({ quotas: [perMinute(1)] });
    expect(await send()).toEqual([429, '1', '0', '60']);
  });

  it('an account source: the next request of an account has its new limit', async () => {
    const { store } = makeStore();
    const layers = new Map([['other', defineAccountLayer({ quotas: [perMinute(9)] })]]);
    const limiter = limiterOn(store, {
      policy: { quotas: [perMinute(1)] },
      accounts: { layerOf: (account) => layers.get(account) },
    });
    const running = await start({ limiter });
    const send = async () => facts(await rawFetch(running.origin, LEGS));
    await send();
    expect(await send()).toEqual([429, '1', '0', '60']);
    layers.set('ameyo5m', defineAccountLayer({ categories: { legs: [perMinute(6000)] } }));
    expect(await send()).toEqual([200, '6000', '5998', undefined]);
  });

  it('candidate: the answers do not change, and the stats count where the two policies differ', async () => {
    const { store } = makeStore();
    const limiter = limiterOn(store, { policy: { quotas: [perMinute(3)] }, candidate: { quotas: [perMinute(1)] } });
    const running = await start({ limiter, refundWhen: (status) => status === 404 });
    const send = async (status = 200) =>
      (await rawFetch(running.origin, LEGS, { headers: [`X-Status: ${status}`] })).status;
    // The refunds of both policies may end after the answer.
    expect(await send(404)).toBe(404);
    await expect.poll(async () => (await store.peek('ameyo5m', CANDIDATES, 1)).used).toEqual([0]);
    expect([await send(), await send(), await send(), await send()]).toEqual([200, 200, 200, 429]);
    await expect
      .poll(() => limiter.stats().candidate)
      .toEqual({
        bothAllow: 2,
        bothRefuse: 1,
        onlyCandidateRefuses: 2,
        onlyCandidateAllows: 0,
        undecided: 0,
      });
  });
}

/** The candidate's own counter. */
const CANDIDATES = [{ name: '*/legs', quotas: [perMinute(1)] }];
