import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type Decision,
  MemoryStore,
  perMinute,
  perSecond,
  RateLimiter,
  type RateLimiterOptions,
  type Store,
} from '@tollgate/core';
import type { ChannelMessages } from '@tollgate/core/channels';
import { afterEach, describe, expect, it } from 'vitest';

type Name = keyof ChannelMessages;

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** The messages of a channel from now on. */
function follow<N extends Name>(name: N, each: (message: ChannelMessages[N]) => void = () => {}) {
  const messages: ChannelMessages[N][] = [];
  const listener = (message: unknown) => {
    messages.push(message as ChannelMessages[N]);
    each(message as ChannelMessages[N]);
  };
  subscribe(name, listener);
  stops.push(() => unsubscribe(name, listener));
  return messages;
}

const charge = { account: 'ameyo5m', category: 'legs' };

/** A limiter in memory. Only the test moves its clock. */
function world(policy: RateLimiterOptions['policy'], options: Partial<RateLimiterOptions> = {}) {
  const time = { now: 1000 };
  const store = new MemoryStore({ clock: () => time.now });
  return { time, limiter: new RateLimiter({ name: 'api', policy, store, ...options }) };
}

describe('decisions', () => {
  it('are published before the caller gets them; refusals and would-be refusals have channels of their own', () => {
    const all = follow('tollgate:decision');
    const refusals = follow('tollgate:refusal');
    const wouldRefuse = follow('tollgate:would-refuse');
    const { limiter } = world({
      quotas: [perMinute(1)],
      categories: { events: { quotas: [perMinute(1)], mode: 'observe' }, free: 'unlimited' },
    });
    const decisions = ['legs', 'legs', 'events', 'events', 'free'].map((category) => {
      const decision = limiter.consume({ account: 'ameyo5m', category });
      expect(all.at(-1)).toEqual({ limiter, decision });
      expect(all.at(-1)?.decision).toBe(decision);
      return decision;
    });
    limiter.peek(charge);
    expect(all.map(({ decision }) => decision)).toEqual(decisions);
    expect(refusals).toEqual([{ limiter, decision: decisions[1] }]);
    expect(wouldRefuse).toEqual([{ limiter, decision: decisions[3] }]);
    expect(all[0]?.limiter.name).toBe('api');
    limiter.suspend();
    limiter.consume(charge);
    expect(all.at(-1)?.decision).toMatchObject({ reason: 'suspended' });
    expect(all).toHaveLength(6);
  });

  it('are published in the async context of the caller, also after a deadline and with an open circuit', async () => {
    const context = new AsyncLocalStorage<number>();
    const published = new Map<unknown, number | undefined>();
    follow('tollgate:decision', ({ decision }) => published.set(decision, context.getStore()));
    const silent: Store = {
      consume: () => new Promise(() => {}),
      peek: () => new Promise(() => {}),
      refund: () => undefined,
      reset: () => undefined,
      close: () => undefined,
    };
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] }, store: silent, timeoutMs: 20 });
    const asked = Array.from({ length: 12 }, (_, request) => context.run(request, () => limiter.consume(charge)));
    for (const [request, decision] of (await Promise.all(asked)).entries()) {
      expect([published.has(decision), published.get(decision)]).toEqual([true, request]);
    }
    limiter.close();
  });
});

describe('throttlings', () => {
  const throttle = { afterViolations: 2, withinMs: 60_000, forMs: 10_000, factor: 0.5 };
  const policy = { quotas: [perSecond(2)], throttle };
  const throttled = ({ limiter }: ReturnType<typeof world>, account = 'ameyo5m', category = 'legs') => {
    for (let sent = 0; sent < 4; sent++) limiter.consume({ account, category });
  };

  it('are published at their beginning, and at the first decision after their end', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const one = world(policy);
    throttled(one);
    expect(begun).toMatchObject([{ limiter: one.limiter, scope: 'category', factor: 0.5, endsAfterMs: 10_000 }]);
    expect(begun[0]?.decision).toMatchObject({ beganThrottling: true, account: 'ameyo5m' });
    one.time.now += 9999;
    one.limiter.consume(charge);
    expect(ended).toEqual([]);
    one.time.now += 1;
    one.limiter.consume({ ...charge, category: 'events' });
    // A decision on another counter publishes the end too, since this counter may get no charge again.
    expect(ended).toEqual([
      {
        limiter: one.limiter,
        account: 'ameyo5m',
        address: undefined,
        category: 'legs',
        scope: 'category',
        ended: 'elapsed',
      },
    ]);
    one.limiter.consume(charge);
    expect([begun.length, ended.length]).toEqual([1, 1]);
  });

  it('are published as pardoned after a pardon, and can begin again', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const one = world(policy);
    throttled(one);
    one.limiter.pardon(charge);
    expect(ended).toEqual([]);
    one.limiter.consume(charge);
    expect(ended).toMatchObject([{ category: 'legs', ended: 'lifted' }]);
    throttled(one);
    expect([begun.length, ended.length]).toEqual([2, 1]);
    one.limiter.close();
    expect(ended).toMatchObject([{ ended: 'lifted' }, { ended: 'forgotten' }]);
  });

  it('of an environment with its own counter do not mix with those of another', () => {
    const ended = follow('tollgate:throttling-ended');
    const { limiter, time } = world({ ...policy, environments: { sandbox: { quotas: [perSecond(1)] } } });
    const sandbox = { ...charge, environment: 'sandbox' };
    for (let sent = 0; sent < 4; sent++) limiter.consume(sandbox);
    expect((limiter.peek(sandbox) as Decision).throttled).toEqual({
      endsAfterMs: 10_000,
      factor: 0.5,
      scope: 'category',
    });
    limiter.consume(charge);
    expect(ended).toEqual([]);
    time.now += 10_000;
    limiter.consume(sandbox);
    expect(ended).toMatchObject([{ ended: 'elapsed' }]);
  });

  it('of a total and of a category are separate, and so are those of hostile names', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const { limiter, time } = world({ quotas: [perSecond(2)], total: [perSecond(3)], throttle });
    for (const account of ['__proto__', 'a\0b', '}{']) {
      for (let sent = 0; sent < 6; sent++) limiter.consume({ account, category: 'constructor' });
    }
    for (let sent = 0; sent < 6; sent++) limiter.consume({ account: 'x', category: `c${sent}` });
    expect(begun.map(({ decision, scope }) => `${decision.account} ${scope}`)).toEqual([
      '__proto__ category',
      'a\0b category',
      '}{ category',
      'x total',
    ]);
    time.now += 60_000;
    limiter.consume(charge);
    expect(ended.map(({ account, scope, ended }) => `${account} ${scope} ${ended}`)).toEqual([
      '__proto__ category elapsed',
      'a\0b category elapsed',
      '}{ category elapsed',
      'x total elapsed',
    ]);
  });

  it('are remembered up to a bound, and each beginning has one end', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const one = world({ quotas: [perMinute(1)], throttle: { ...throttle, afterViolations: 1 } });
    for (let account = 0; account < 10_050; account++) {
      one.limiter.consume({ account: `a${account}`, category: 'legs' });
      one.limiter.consume({ account: `a${account}`, category: 'legs' });
    }
    expect([begun.length, ended.length]).toEqual([10_050, 50]);
    expect(new Set(ended.map((one) => one.ended))).toEqual(new Set(['forgotten']));
    expect(ended[0]?.account).toBe('a0');
    one.time.now += 60_000;
    one.limiter.consume(charge);
    expect(ended).toHaveLength(10_050);
  });
});

describe('a limiter', () => {
  it('publishes that it is made and closed, and each new policy and suspension', () => {
    const published: unknown[] = [];
    follow('tollgate:limiter', ({ limiter, state }) =>
      published.push([limiter.name, state, limiter.stats().policyVersion]),
    );
    follow('tollgate:policy', ({ version, policy, previous, limiter }) =>
      published.push([version, policy === previous, policy === limiter.policy]),
    );
    follow('tollgate:suspension', ({ suspension }) => published.push(suspension?.by));
    const { limiter } = world({ quotas: [perMinute(1)] });
    limiter.setPolicy({ quotas: [perMinute(2)] });
    limiter.suspend({ by: 'jo' });
    limiter.resume();
    limiter.close();
    limiter.close();
    expect(published).toEqual([['api', 'made', 1], [2, false, true], 'jo', undefined, ['api', 'closed', 2]]);
  });

  it('has a name, which is checked', () => {
    const policy = { quotas: [perMinute(1)] };
    expect(new RateLimiter({ policy }).name).toBe('default');
    for (const name of ['', 5, null]) {
      expect(() => new RateLimiter({ policy, name: name as never })).toThrow(/`name`/);
    }
  });
});

describe('a store', () => {
  it('publishes the duration of its calls, and each change of its circuits and its state', async () => {
    const calls = follow('tollgate:store-call');
    const circuits = follow('tollgate:circuit');
    const states = follow('tollgate:store-state');
    const memory = new MemoryStore();
    let failing = false;
    const store: Store = {
      consume: async (...asked) => {
        if (failing && asked[0] === 'east') throw new Error('gone');
        return memory.consume(...asked);
      },
      peek: async (...asked) => {
        if (failing) throw new Error('gone');
        return memory.peek(...asked);
      },
      refund: () => undefined,
      reset: () => undefined,
      close: () => undefined,
      shardOf: (account) => account,
    };
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] }, store });
    await limiter.consume({ account: 'west', category: 'legs' });
    await limiter.consume({ account: 'east', category: 'legs' });
    expect(calls.map(({ outcome, error }) => [outcome, error])).toEqual([
      ['answered', undefined],
      ['answered', undefined],
    ]);
    for (const { durationMs } of calls) expect(durationMs).toBeGreaterThanOrEqual(0);
    failing = true;
    for (let sent = 0; sent < 7; sent++) await limiter.consume({ account: 'east', category: 'legs' });
    expect(calls.slice(2).map(({ outcome, error }) => [outcome, error?.message])).toEqual(
      Array(5).fill(['failed', 'The store failed: gone']),
    );
    failing = false;
    await expect.poll(() => limiter.health().state).toBe('up');
    expect(circuits.map(({ shard, state }) => [shard, state])).toEqual([
      ['east', 'open'],
      ['east', 'closed'],
    ]);
    expect(states.map(({ state, previous }) => [previous, state])).toEqual([
      ['up', 'partly-down'],
      ['partly-down', 'up'],
    ]);
    limiter.close();
  });
});
