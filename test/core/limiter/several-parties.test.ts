import {
  type Charge,
  type Comparison,
  type CounterSpec,
  type Decision,
  definePolicy,
  MemoryStore,
  perMinute,
  perSecond,
  RateLimiter,
} from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';

const LEG = { account: 'ameyo5m', category: 'legs', subjects: { leg: 'L1' } };
const BOTH = [
  { account: 'ameyo5m', category: 'legs' },
  { account: 'acme', category: 'legs' },
];

describe('subjects of a charge', () => {
  const policy = { quotas: [perMinute(9)], each: { leg: [perMinute(2)], key: { quotas: [perMinute(3)] } } };
  const limiter = new RateLimiter({ policy }) as RateLimiter;

  it.each([
    ['no object', 'L1', 'TOLLGATE_OPTION_TYPE', 'subjects'],
    ['an array', ['L1'], 'TOLLGATE_OPTION_TYPE', 'subjects'],
    ['null', null, 'TOLLGATE_OPTION_TYPE', 'subjects'],
    ['an id that is a number', { leg: 7 }, 'TOLLGATE_OPTION_TYPE', 'subjects.leg'],
    ['an empty id', { leg: '' }, 'TOLLGATE_OPTION_TYPE', 'subjects.leg'],
    [
      'nine of them',
      Object.fromEntries([...'abcdefghi'].map((kind) => [kind, 'x'])),
      'TOLLGATE_OPTION_RANGE',
      'subjects',
    ],
  ])('%s is refused, and charges nothing', (_, subjects, code, option) => {
    const charge = { account: 'checked', category: 'legs', subjects } as unknown as Charge;
    expect(() => limiter.consume(charge)).toThrow(expect.objectContaining({ code, option }));
    expect((limiter.peek({ account: 'checked', category: 'legs' }) as Decision).quotas[0]!.used).toBe(0);
  });

  it('a kind that is undefined is not named, and a prototype names none', () => {
    const inherited = Object.create({ leg: 'L1' });
    for (const subjects of [{ leg: undefined }, {}, inherited]) {
      const decision = limiter.consume({ account: 'ameyo5m', category: 'legs', subjects }) as Decision;
      expect(decision.quotas).toHaveLength(1);
    }
  });

  it('a kind that the policy does not have is reported once, and limits nothing', async () => {
    const warnings = collectWarnings();
    const strict = new RateLimiter({ policy }) as RateLimiter;
    for (let sent = 0; sent < 3; sent++) {
      const charge = { account: 'ameyo5m', category: 'legs', subjects: { lge: 'L1' } };
      expect((strict.consume(charge) as Decision).quotas).toHaveLength(1);
    }
    expect(await warnings()).toEqual([expect.stringMatching(/lge.*leg/)]);
  });

  it('are in the decision, with their counters and in its JSON', () => {
    const decision = limiter.consume({ ...LEG, account: 'shown' }) as Decision;
    expect(decision.subjects).toEqual({ leg: 'L1' });
    expect(decision.quotas[1]).toEqual({
      name: 'leg-per-minute',
      scope: 'subject',
      subject: 'leg',
      subjectId: 'L1',
      limit: 2,
      windowMs: 60_000,
      used: 1,
      remaining: 1,
      resetAfterMs: 60_000,
    });
    expect(JSON.parse(JSON.stringify(decision))).toMatchObject({ subjects: { leg: 'L1' } });
    expect(JSON.parse(JSON.stringify(decision))).not.toHaveProperty('charges');
  });

  it('an unknown kind of a reset is an error, since a program writes it', () => {
    const wrong = { account: 'ameyo5m', subjects: { lge: 'L1' } };
    expect(() => limiter.reset(wrong)).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_RANGE', message: expect.stringContaining('leg') }),
    );
  });

  it('a reset that names no subject after all is an error, since it would forget nothing', () => {
    for (const subjects of [{}, { leg: undefined }]) {
      expect(() => limiter.reset({ account: 'ameyo5m', subjects })).toThrow(
        expect.objectContaining({ code: 'TOLLGATE_OPTION_RANGE', option: 'target.subjects' }),
      );
    }
  });

  it('are throttled one by one', () => {
    const throttle = { afterViolations: 2, withinMs: 10_000, forMs: 60_000, factor: 0 };
    const throttling = new RateLimiter({
      policy: { quotas: [perMinute(99)], each: { leg: { quotas: [perSecond(1)], throttle } } },
    }) as RateLimiter;
    const reasons = ['L1', 'L1', 'L1', 'L2'].map((leg) => {
      const { reason, throttled } = throttling.consume({ ...LEG, subjects: { leg } }) as Decision;
      return [reason, throttled?.scope];
    });
    expect(reasons).toEqual([
      ['admitted', undefined],
      ['limit-reached', undefined],
      ['limit-reached', 'subject'],
      ['admitted', undefined],
    ]);
    throttling.pardon({ account: 'ameyo5m', subjects: { leg: 'L1' } });
    expect((throttling.peek(LEG) as Decision).throttled).toBeUndefined();
  });

  it('a candidate has counters of its own for them, which a reset of the subject reaches', () => {
    const tried = new RateLimiter({
      policy: { quotas: [perMinute(9)], each: { leg: [perMinute(3)] } },
      candidate: { quotas: [perMinute(9)], each: { leg: [perMinute(1)] } },
    }) as RateLimiter;
    const compared: Comparison[] = [];
    tried.on('candidate', (comparison) => compared.push(comparison));
    tried.consume(LEG);
    tried.consume(LEG);
    tried.reset({ account: 'ameyo5m', subjects: { leg: 'L1' } });
    tried.consume(LEG);
    expect(compared.map(({ candidate }) => candidate.allowed)).toEqual([true, false, true]);
  });

  it('what a candidate refuses does not stay in the limits that it observes, whatever the policy decides', () => {
    const each = { leg: { quotas: [perMinute(9)], mode: 'observe' as const } };
    const tried = new RateLimiter({
      policy: { quotas: [perMinute(4)], each },
      candidate: { quotas: [perMinute(2)], each },
    }) as RateLimiter;
    const compared: Comparison[] = [];
    tried.on('candidate', (comparison) => compared.push(comparison));
    for (let sent = 0; sent < 4; sent++) tried.consume(LEG);
    // The third and the fourth were given back. A decision has its own charge all the same.
    expect(compared.map(({ candidate }) => candidate.quotas.map(({ used }) => used))).toEqual([
      [1, 1],
      [2, 2],
      [2, 3],
      [2, 3],
    ]);
  });

  it('a debit counts for them too, also where they are only observed', () => {
    const debited = new RateLimiter({
      policy: { quotas: [perMinute(9)], each: { leg: { quotas: [perMinute(5)], mode: 'observe' } } },
    }) as RateLimiter;
    debited.debit({ ...LEG, cost: 3 });
    expect((debited.peek(LEG) as Decision).quotas.map(({ used }) => used)).toEqual([3, 3]);
  });
});

describe('several charges at once', () => {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(9)], total: [perMinute(5)] } }) as RateLimiter;

  it.each([
    ['no array', BOTH[0], 'TOLLGATE_OPTION_TYPE'],
    ['one charge', [BOTH[0]], 'TOLLGATE_OPTION_RANGE'],
    ['nine charges', Array(9).fill(BOTH[0]), 'TOLLGATE_OPTION_RANGE'],
    ['a charge without an account', [BOTH[0], { category: 'legs' }], 'TOLLGATE_OPTION_TYPE'],
    ['a hole', [BOTH[0], undefined], 'TOLLGATE_OPTION_TYPE'],
    ['a misspelt field', [BOTH[0], { ...BOTH[1], costs: 3 }], 'TOLLGATE_OPTION_UNKNOWN'],
    ['costs that are too much together', Array(2).fill({ ...BOTH[0], cost: 2 ** 31 - 1 }), 'TOLLGATE_OPTION_RANGE'],
  ])('%s is refused, and charges nothing', (_, charges, code) => {
    const count = limiter.stats().decisions;
    expect(() => limiter.consumeAll(charges as Charge[])).toThrow(expect.objectContaining({ code }));
    expect(limiter.stats().decisions).toBe(count);
  });

  it('a category with characters that a header cannot carry does not reach the names of quotas', () => {
    const hostile = `b\r\n€\0"${'x'.repeat(500)}`;
    const { quotas } = limiter.peekAll([BOTH[0]!, { account: 'acme', category: hostile }]) as Decision;
    for (const { name } of quotas) expect(name).toMatch(/^[!-~]{1,100}$/);
    expect(new Set(quotas.map(({ name }) => name)).size).toBe(quotas.length);
  });

  it('a counter that is enforced for one charge and observed for another has the cost of both, once', () => {
    const mixed = new RateLimiter({
      policy: {
        quotas: [perMinute(99)],
        total: [perMinute(10)],
        categories: { events: { mode: 'observe', quotas: [perMinute(5)] } },
        known: { categories: ['legs'] },
      },
    }) as RateLimiter;
    const both = (cost: number) => [
      { account: 'ameyo5m', category: 'events', cost },
      { account: 'ameyo5m', category: 'legs', cost: 3 },
    ];
    const first = mixed.consumeAll(both(7)) as Decision;
    expect(first).toMatchObject({ allowed: true, wouldRefuse: true });
    expect(first.charges.map(({ quotas }) => quotas.map(({ scope, used }) => [scope, used]))).toEqual([
      [
        ['category', 0],
        ['total', 10],
      ],
      [
        ['category', 3],
        ['total', 10],
      ],
    ]);
    expect(mixed.consumeAll(both(7))).toMatchObject({ allowed: false, reason: 'limit-reached' });
    mixed.settle(first.receipt!, 1);
    expect((mixed.peekAll(both(0)) as Decision).quotas.map(({ used }) => used)).toEqual([1, 2, 0]);
    // It can never fit, so there is no time to wait for.
    expect(mixed.peekAll(both(8))).toMatchObject({ allowed: false, reason: 'cost-above-limit', retryAfterMs: null });
  });

  it('a list that the program empties while a source is asked is still charged', async () => {
    const asked = new RateLimiter({
      policy: { quotas: [perMinute(1)] },
      accounts: { layerOf: async () => undefined },
    }) as RateLimiter;
    const list: Charge[] = [...BOTH];
    const first = asked.consumeAll(list);
    list.length = 0;
    expect((await first).quotas.map(({ used }) => used)).toEqual([1, 1]);
    expect((await asked.consumeAll(BOTH)).allowed).toBe(false);
  });

  it('a store that cannot join accounts is refused, and so is a policy with a service on it', () => {
    const memory = new MemoryStore();
    const store = {
      consume: (account: string, counters: readonly CounterSpec[], cost: number) =>
        memory.consume(account, counters, cost),
      peek: (account: string, counters: readonly CounterSpec[], cost: number) => memory.peek(account, counters, cost),
      refund: () => undefined,
      reset: () => undefined,
      close: () => undefined,
    };
    const apart = new RateLimiter({ policy: { quotas: [perMinute(9)] }, store }) as RateLimiter;
    const conflict = expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' });
    expect(() => apart.consumeAll(BOTH)).toThrow(conflict);
    const policy = { quotas: [perMinute(9)], service: [perMinute(9)] };
    expect(() => new RateLimiter({ policy, store })).toThrow(conflict);
    expect(() => apart.setPolicy(policy)).toThrow(conflict);
  });

  it('of one account count together in its total, and the decision has each with its own quotas', () => {
    const decision = limiter.consumeAll([
      { account: 'joined', category: 'legs', cost: 2 },
      { account: 'joined', category: 'actions' },
    ]) as Decision;
    expect(
      decision.charges.map(({ category, quotas }) => [category, ...quotas.map(({ name, used }) => [name, used])]),
    ).toEqual([
      ['legs', ['per-minute', 2], ['total-per-minute', 3]],
      ['actions', ['actions-per-minute', 1], ['total-per-minute', 3]],
    ]);
    expect(JSON.parse(JSON.stringify(decision)).charges).toMatchObject([
      { account: 'joined', category: 'legs', cost: 2 },
      { account: 'joined', category: 'actions', cost: 1 },
    ]);
    expect(decision.quotas.map(({ used }) => used)).toEqual([2, 3, 1]);
  });

  it('with different limits for one counter are an error', () => {
    const planned = new RateLimiter({
      policy: { quotas: [perMinute(9)], plans: { big: { quotas: [perMinute(99)] } } },
    }) as RateLimiter;
    expect(() => planned.consumeAll([BOTH[0]!, { ...BOTH[0]!, plan: 'big' }])).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT', message: expect.stringContaining('legs') }),
    );
  });

  it('with different throttles for one counter are an error, and equal ones are one', () => {
    const throttle = (forMs: number) => ({ afterViolations: 2, withinMs: 10_000, forMs, factor: 0 });
    const planned = new RateLimiter({
      policy: {
        quotas: [perMinute(9)],
        plans: {
          slow: { throttle: throttle(60_000) },
          same: { throttle: throttle(60_000) },
          fast: { throttle: throttle(1000) },
        },
      },
    }) as RateLimiter;
    const of = (...plans: readonly string[]) => plans.map((plan) => ({ ...BOTH[0]!, plan }));
    expect(planned.consumeAll(of('slow', 'same'))).toMatchObject({ allowed: true });
    expect(() => planned.consumeAll(of('slow', 'fast'))).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' }),
    );
  });

  it('peekAll shows what they would meet, and writes nothing', () => {
    const charges = BOTH.map((charge) => ({ ...charge, cost: 5 }));
    for (let asked = 0; asked < 3; asked++) expect(limiter.peekAll(charges)).toMatchObject({ allowed: true });
    expect((limiter.peekAll(charges) as Decision).quotas.every(({ used }) => used === 0)).toBe(true);
  });

  it('wait for account sources, and each has the limits of its own', async () => {
    const { defineAccountLayer } = await import('@tollgate/core');
    const layer = defineAccountLayer({ quotas: [perMinute(1)] });
    const accounts = { layerOf: async (account: string) => (account === 'acme' ? layer : undefined) };
    const sourced = new RateLimiter({ policy: { quotas: [perMinute(9)] }, accounts }) as RateLimiter;
    const { charges } = await sourced.consumeAll(BOTH);
    expect(charges.map(({ quotas }) => quotas[0]!.limit)).toEqual([9, 1]);
    expect((await sourced.consumeAll(BOTH)).allowed).toBe(false);
  });

  it('a candidate decides them together too', () => {
    const tried = new RateLimiter({
      policy: { quotas: [perMinute(9)] },
      candidate: { quotas: [perMinute(9)], accounts: { acme: { quotas: [perMinute(1)] } } },
    }) as RateLimiter;
    const compared: Comparison[] = [];
    tried.on('candidate', (comparison) => compared.push(comparison));
    const { receipt } = tried.consumeAll(BOTH) as Decision;
    tried.consumeAll(BOTH);
    tried.refund(receipt!);
    tried.consumeAll(BOTH);
    expect(compared.map(({ candidate }) => candidate.allowed)).toEqual([true, false, true]);
  });

  it('a candidate with different limits for one counter decides nothing, and harms no request', () => {
    const tried = new RateLimiter({
      policy: { quotas: [perMinute(9)], known: { plans: ['big'] } },
      candidate: { quotas: [perMinute(9)], plans: { big: { quotas: [perMinute(99)] } } },
    }) as RateLimiter;
    expect(tried.consumeAll([BOTH[0]!, { ...BOTH[0]!, plan: 'big' }])).toMatchObject({ allowed: true });
    expect(tried.stats().candidate).toMatchObject({ bothAllow: 0, undecided: 1 });
  });

  it('pass while limiting is suspended, and count nothing', () => {
    const suspended = new RateLimiter({ policy: { quotas: [perMinute(1)] } }) as RateLimiter;
    suspended.suspend();
    for (let sent = 0; sent < 3; sent++) expect(suspended.consumeAll(BOTH)).toMatchObject({ reason: 'suspended' });
    suspended.resume();
    expect(suspended.consumeAll(BOTH)).toMatchObject({ allowed: true });
  });

  it('usage counts the request for each account', async () => {
    const used = new RateLimiter({ policy: { quotas: [perMinute(1)] }, usage: true }) as RateLimiter;
    used.consumeAll(BOTH);
    used.consumeAll(BOTH);
    for (const { account } of BOTH) {
      const { totals } = await used.usage({ account });
      expect(totals).toMatchObject({ admitted: 1, refused: 1 });
    }
    await used.close();
  });

  it('have quotas with different names, enforced and observed ones together', () => {
    const mixed = new RateLimiter({
      policy: { quotas: [perMinute(9)], accounts: { acme: { mode: 'observe' } } },
    }) as RateLimiter;
    const accounts = ['acme', 'globex', 'initech'];
    const { quotas } = mixed.consumeAll(accounts.map((account) => ({ account, category: 'legs' }))) as Decision;
    expect(quotas.map(({ name }) => name)).toEqual(['per-minute', 'legs-per-minute', 'legs-per-minute-2']);
  });

  it('limits that are observed for one of them refuse nothing there', () => {
    const mixed = new RateLimiter({
      policy: { quotas: [perMinute(2)], accounts: { acme: { quotas: [perMinute(1)], mode: 'observe' } } },
    }) as RateLimiter;
    const seen = Array.from({ length: 3 }, () => {
      const { allowed, wouldRefuse, charges } = mixed.consumeAll(BOTH) as Decision;
      return [allowed, wouldRefuse, ...charges.map(({ quotas }) => quotas[0]!.used)];
    });
    expect(seen).toEqual([
      [true, false, 1, 1],
      [true, true, 2, 1],
      [false, false, 2, 1],
    ]);
  });
});

describe('blocked parties', () => {
  const policy = definePolicy({
    quotas: [perMinute(9)],
    each: { key: { quotas: [perMinute(9)], blocked: ['k666'] } },
    accounts: { mallory: 'blocked', trent: { blocked: { until: Date.now() + 60_000 } } },
    addresses: { '203.0.113.0/24': 'blocked' },
  });
  const limiter = new RateLimiter({ policy }) as RateLimiter;

  it.each([
    ['an account', { account: 'mallory', category: 'legs' }, { party: 'account' }],
    ['an address', { address: '203.0.113.9', category: 'legs' }, { party: 'address' }],
    [
      'a subject',
      { account: 'acme', category: 'legs', subjects: { key: 'k666' } },
      { party: 'subject', subject: 'key' },
    ],
  ])('%s is refused with the reason, without a retry time, and counts nothing', (_, charge, block) => {
    for (const decide of [() => limiter.consume(charge), () => limiter.peek(charge)]) {
      const decision = decide() as Decision;
      expect(decision).toMatchObject({ allowed: false, reason: 'blocked', retryAfterMs: null, source: 'none' });
      expect(decision).toMatchObject({ block, quotas: [], receipt: undefined });
    }
  });

  it('a block with an end says when', () => {
    const decision = limiter.consume({ account: 'trent', category: 'legs' }) as Decision;
    expect(decision.reason).toBe('blocked');
    expect(decision.retryAfterMs).toBeGreaterThan(50_000);
    expect(decision.retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it('one of several charges is enough, and the others are not charged', () => {
    const other = { account: 'alice', category: 'legs' };
    const decision = limiter.consumeAll([other, { account: 'mallory', category: 'legs' }]) as Decision;
    expect(decision).toMatchObject({ allowed: false, reason: 'blocked' });
    expect((limiter.peek(other) as Decision).quotas[0]!.used).toBe(0);
  });

  it('a candidate that blocks is compared, and one that does not block decides', () => {
    const tried = new RateLimiter({
      policy: { quotas: [perMinute(9)], accounts: { mallory: 'blocked' } },
      candidate: { quotas: [perMinute(9)], accounts: { acme: 'blocked' } },
    }) as RateLimiter;
    const compared: Comparison[] = [];
    tried.on('candidate', (comparison) => compared.push(comparison));
    for (const account of ['mallory', 'acme']) tried.consume({ account, category: 'legs' });
    expect(compared.map(({ decision, candidate }) => [decision.reason, candidate.reason])).toEqual([
      ['blocked', 'admitted'],
      ['admitted', 'blocked'],
    ]);
  });

  it('pass while limiting is suspended', () => {
    const suspended = new RateLimiter({ policy }) as RateLimiter;
    suspended.suspend();
    expect(suspended.consume({ account: 'mallory', category: 'legs' })).toMatchObject({ reason: 'suspended' });
  });
});
