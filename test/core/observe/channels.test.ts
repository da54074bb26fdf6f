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

describe('several charges', () => {
  it('are one decision, and one refusal, with all of its parties', () => {
    const all = follow('tollgate:decision');
    const refusals = follow('tollgate:refusal');
    const { limiter } = world({ quotas: [perMinute(1)], addresses: { quotas: [perMinute(9)] } });
    const charges = [
      { address: '203.0.113.7', category: 'login' },
      { account: 'user', category: 'accounts' },
    ] as const;
    for (let sent = 0; sent < 2; sent++) limiter.consumeAll(charges);
    expect([all.length, refusals.length]).toEqual([2, 1]);
    expect(refusals[0]?.decision.charges).toMatchObject(charges);
    expect(limiter.stats().decisions).toBe(2);
  });
});

describe('a blocked charge', () => {
  it('is a refusal with its block', () => {
    const refusals = follow('tollgate:refusal');
    const { limiter } = world({ quotas: [perMinute(1)], accounts: { ameyo5m: 'blocked' } });
    limiter.consume(charge);
    expect(refusals).toMatchObject([
      { decision: { reason: 'blocked', block: { party: 'account', from: 'policy.accounts.ameyo5m' } } },
    ]);
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

  it('of a subject have its kind and id, and each subject has its own', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const one = world({
      quotas: [perSecond(90)],
      each: { leg: { quotas: [perSecond(1)], throttle }, key: [perSecond(90)] },
    });
    const ids = ['L1', '__proto__', 'a\0b', 'L1/x', 'x'.repeat(300)];
    const send = (leg: string) => one.limiter.consume({ ...charge, subjects: { leg, key: 'k7' } }) as Decision;
    for (const id of ids) for (let sent = 0; sent < 3; sent++) send(id);
    expect(begun.map(({ account, category, scope, subject }) => [account, category, scope, subject])).toEqual(
      ids.map(() => ['ameyo5m', 'legs', 'subject', 'leg']),
    );
    const followed = begun.map(({ subjectId }) => subjectId);
    expect(followed.slice(0, 4)).toEqual(ids.slice(0, 4));
    // A long id is shortened to its beginning and a digest, since thousands are remembered.
    expect(followed[4]).toMatch(/^x{193}[0-9a-f]{64}$/);
    expect(begun[0]!.decision.throttled).toEqual({
      endsAfterMs: 10_000,
      factor: 0.5,
      scope: 'subject',
      subject: 'leg',
      subjectId: 'L1',
    });
    one.limiter.pardon({ account: 'ameyo5m', subjects: { leg: 'L1' } });
    send('L1');
    expect(ended).toMatchObject([{ scope: 'subject', subject: 'leg', subjectId: 'L1', ended: 'lifted' }]);
    one.time.now += 10_000;
    send(ids[4]!);
    expect(ended.map(({ subjectId }) => subjectId).sort()).toEqual([...followed].sort());
    expect(ended.slice(1).map(({ ended }) => ended)).toEqual(Array(4).fill('elapsed'));
  });

  it('of everybody together belong to no account, and end with a charge of any', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const one = world({ quotas: [perSecond(90)], service: { quotas: [perSecond(2)], throttle } });
    for (const account of ['a', 'b', 'c', 'd', 'e']) one.limiter.consume({ account, category: 'legs' });
    expect(begun).toMatchObject([{ account: undefined, address: undefined, category: 'legs', scope: 'service' }]);
    expect(begun[0]?.decision.account).toBe('d');
    one.limiter.pardon({ service: true });
    one.limiter.consume({ account: 'f', category: 'events' });
    expect(ended).toMatchObject([{ account: undefined, category: 'legs', scope: 'service', ended: 'lifted' }]);
  });

  it('that began in another process are not published as begun here', () => {
    const begun = follow('tollgate:throttling-begun');
    const time = { now: 1000 };
    const store = new MemoryStore({ clock: () => time.now });
    const policy = { quotas: [perSecond(4)], service: { quotas: [perSecond(4)], throttle }, throttle };
    // Two limiters on the same counters stand for two processes.
    const [here, elsewhere] = [new RateLimiter({ policy, store }), new RateLimiter({ policy, store })];
    for (let sent = 0; sent < 6; sent++) elsewhere.consume({ account: `a${sent}`, category: 'legs' });
    time.now += 1000;
    for (let sent = 0; sent < 3; sent++) here.consume(charge);
    here.consume({ ...charge, cost: 4 });
    here.consume({ ...charge, cost: 4 });
    expect(begun.map(({ limiter, scope }) => [limiter === here, scope])).toEqual([
      [false, 'service'],
      [true, 'category'],
    ]);
  });

  it('of several charges have the party whose counter it is', () => {
    const begun = follow('tollgate:throttling-begun');
    const ended = follow('tollgate:throttling-ended');
    const one = world({ quotas: [perSecond(2)], throttle, addresses: { quotas: [perSecond(90)] } });
    const signIn = (address: string) =>
      one.limiter.consumeAll([
        { address, category: 'login' },
        { account: 'user', category: 'accounts' },
      ]);
    for (let sent = 0; sent < 4; sent++) signIn(`203.0.113.${sent}`);
    const party = { account: 'user', address: undefined, category: 'accounts', scope: 'category' };
    expect(begun).toMatchObject([{ ...party, factor: 0.5 }]);
    expect(begun[0]?.decision).toMatchObject({ address: '203.0.113.3', category: 'login' });
    one.limiter.pardon({ account: 'user', category: 'accounts' });
    // The same counter in a charge of its own.
    one.limiter.consume({ account: 'user', category: 'accounts' });
    expect(ended).toMatchObject([{ ...party, ended: 'lifted' }]);
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
