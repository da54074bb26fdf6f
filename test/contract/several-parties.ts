import { type Charge, type Decision, definePolicy, perMinute, perSecond, RateLimiter } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoreUnderTest } from './store/player.js';
import { timeOf } from './store/world.js';

const LIMITS = {
  category: [perSecond(4), perMinute(9)],
  total: [perMinute(14)],
  service: [perSecond(8), perMinute(30)],
  leg: [perSecond(2)],
  key: [perMinute(6)],
};
const POLICY = definePolicy({
  quotas: LIMITS.category,
  total: LIMITS.total,
  service: LIMITS.service,
  each: { leg: LIMITS.leg, key: { quotas: LIMITS.key } },
});

type Limits = readonly { readonly limit: number; readonly windowMs: number }[];

/** What a counter has admitted, in full. */
interface Log {
  readonly limits: Limits;
  readonly entries: { readonly at: number; cost: number }[];
}

/** An admission: for each counter its entry, and how many of the charges that one counts. */
type Admitted = readonly { readonly log: Log; readonly entry: { at: number; cost: number }; readonly share: number }[];

/** Decides by full logs: slow, and simple enough to be trusted. */
class FullLogs {
  now = 0;
  readonly #logs = new Map<string, Log>();

  /** The counters of the charges, each once, with its cost and the number of charges that it counts. */
  countersOf(charges: readonly Charge[]) {
    const counters = new Map<string, { readonly log: Log; cost: number; share: number }>();
    for (const charge of charges) {
      for (const [name, limits] of namesOf(charge)) {
        const cost = charge.cost ?? 1;
        const known = counters.get(name);
        if (known === undefined) counters.set(name, { log: this.#logOf(name, limits), cost, share: 1 });
        else if (name === 'service') known.cost = Math.max(known.cost, cost);
        else {
          known.cost += cost;
          known.share++;
        }
      }
    }
    return [...counters.values()];
  }

  usedOf({ entries }: Log, windowMs: number, now = this.now): number {
    return entries.reduce((sum, { at, cost }) => sum + (at > now - windowMs ? cost : 0), 0);
  }

  /** 0 if they fit, `null` if they never do. */
  retryAfterMs(charges: readonly Charge[]): number | null {
    let wait = 0;
    for (const { log, cost } of this.countersOf(charges)) {
      for (const { limit, windowMs } of cost === 0 ? [] : log.limits) {
        if (cost > limit) return null;
        const leaves = [this.now, ...log.entries.map(({ at }) => at + windowMs)].filter((at) => at >= this.now);
        const fitsAt = leaves.filter((at) => this.usedOf(log, windowMs, at) + cost <= limit);
        wait = Math.max(wait, Math.min(...fitsAt) - this.now);
      }
    }
    return wait;
  }

  admit(charges: readonly Charge[]): Admitted {
    return this.countersOf(charges).map(({ log, cost, share }) => {
      const entry = { at: this.now, cost };
      log.entries.push(entry);
      return { log, entry, share };
    });
  }

  settle(admitted: Admitted, actualCost: number): void {
    for (const { log, entry, share } of admitted) {
      const actual = actualCost * share;
      if (actual > entry.cost) log.entries.push({ at: this.now, cost: actual - entry.cost });
      else entry.cost = actual;
    }
  }

  /** The used units of each charge's quotas, in the order of the decision. */
  usedBy(charge: Charge): number[] {
    return namesOf(charge).flatMap(([name, limits]) =>
      limits.map(({ windowMs }) => this.usedOf(this.#logOf(name, limits), windowMs)),
    );
  }

  #logOf(name: string, limits: Limits): Log {
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = { limits, entries: [] };
      this.#logs.set(name, log);
    }
    return log;
  }
}

function namesOf({ account, address, category, subjects }: Charge): [string, Limits][] {
  const owner = JSON.stringify([account, address]);
  const names: [string, Limits][] = [
    [`${owner} category ${category}`, LIMITS.category],
    [`${owner} total`, LIMITS.total],
    ['service', LIMITS.service],
  ];
  for (const kind of ['leg', 'key'] as const) {
    const id = subjects?.[kind];
    if (id !== undefined) names.push([`${owner} ${kind} ${id}`, LIMITS[kind]]);
  }
  return names;
}

const identity = fc.constantFrom(
  { account: 'ameyo5m' },
  { account: 'acme' },
  { account: '@:203.0.113.9' },
  { address: '203.0.113.9' },
);
const charge: fc.Arbitrary<Charge> = fc
  .tuple(
    identity,
    fc.record(
      {
        category: fc.constantFrom('legs', 'actions'),
        cost: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.nat(3)),
        subjects: fc.record(
          { leg: fc.constantFrom('L1', 'L2', 'a/b', '*~leg/L1'), key: fc.constantFrom('k7', '__proto__') },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['category'] },
    ),
  )
  .map(([who, rest]) => ({ ...who, ...rest }) as Charge);

type Step =
  | { readonly kind: 'charge'; readonly charges: readonly Charge[] }
  | { readonly kind: 'settle'; readonly pick: number; readonly actualCost: number }
  | { readonly kind: 'advance'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('charge' as const),
      charges: fc.array(charge, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      pick: fc.nat(20),
      actualCost: fc.oneof(fc.constant(0), fc.nat(3)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 300, 999, 1000, 30_000) }),
  },
);

/** Subjects, the service, and several charges at once, on a store whose clock the tests move. */
export function describeSeveralParties(name: string, makeStore: () => StoreUnderTest, runs: number): void {
  const within = async (use: (under: StoreUnderTest, limiter: RateLimiter) => Promise<void>) => {
    const under = makeStore();
    const limiter = new RateLimiter({ policy: POLICY, store: under.store }) as RateLimiter;
    try {
      await use(under, limiter);
    } finally {
      await limiter.close();
      await under.stop();
    }
  };
  const consume = async (limiter: RateLimiter, charges: readonly Charge[]): Promise<Decision> =>
    charges.length === 1 ? limiter.consume(charges[0]!) : limiter.consumeAll(charges);
  const usedOf = async (limiter: RateLimiter, charge: Charge) =>
    (await limiter.peek({ ...charge, cost: 0 })).quotas.map(used);

  describe(`several parties, on ${name}`, () => {
    it('every counter has what a full log has, a charge is admitted if it fits everywhere, and the retry is exact', () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), (steps) =>
          within(async (under, limiter) => {
            const logs = new FullLogs();
            const open: { readonly decision: Decision; readonly admitted: Admitted }[] = [];
            for (const one of steps) {
              if (one.kind === 'advance') {
                await timeOf(under).advance(one.ms);
                logs.now += one.ms;
              } else if (one.kind === 'settle' && open.length > 0) {
                const [{ decision, admitted }] = open.splice(one.pick % open.length, 1) as [(typeof open)[number]];
                const use = one.pick % 2 === 0 ? decision.receipt! : String(decision.receipt);
                expect(await limiter.settle(use, one.actualCost)).toBe(true);
                logs.settle(admitted, one.actualCost);
              } else if (one.kind === 'charge') {
                const expected = logs.retryAfterMs(one.charges);
                const decision = await consume(limiter, one.charges);
                expect(decision.allowed).toBe(expected === 0);
                expect(decision.retryAfterMs).toBe(expected);
                if (decision.allowed) {
                  const admitted = logs.admit(one.charges);
                  if (decision.receipt !== undefined) open.push({ decision, admitted });
                }
                const shown = decision.charges.map(({ quotas }) => quotas.map(used));
                expect(shown).toEqual(one.charges.map((charge) => logs.usedBy(charge)));
                for (const charge of one.charges) expect(await usedOf(limiter, charge)).toEqual(logs.usedBy(charge));
              }
            }
          }),
        ),
        { numRuns: runs },
      ));

    it('of six logins of which two fit the address, the user is charged with two', () =>
      within(async (_, limiter) => {
        const logins = [
          { address: '203.0.113.9', category: 'login', cost: 2 },
          { account: 'ameyo5m', category: 'login' },
        ];
        const allowed: boolean[] = [];
        for (let sent = 0; sent < 6; sent++) allowed.push((await limiter.consumeAll(logins)).allowed);
        expect(allowed).toEqual([true, true, false, false, false, false]);
        expect((await limiter.peek(logins[1] as Charge)).quotas[0]!.used).toBe(2);
      }));

    it('at once, no counter is over its limit, and what was admitted is counted everywhere', () =>
      within(async (_, limiter) => {
        const both = [
          { account: 'ameyo5m', category: 'legs' },
          { account: 'acme', category: 'legs' },
        ];
        const decisions = await Promise.all([
          ...Array.from({ length: 10 }, () => limiter.consumeAll(both)),
          ...Array.from({ length: 10 }, () => limiter.consume(both[1]!)),
        ]);
        const joint = decisions.slice(0, 10).filter(({ allowed }) => allowed).length;
        const alone = decisions.slice(10).filter(({ allowed }) => allowed).length;
        expect((await usedOf(limiter, both[0]!))[0]).toBe(joint);
        expect((await usedOf(limiter, both[1]!))[0]).toBe(joint + alone);
        expect(joint + alone).toBeLessThanOrEqual(4);
      }));

    it('a receipt of several charges works as text in another limiter, once', () =>
      within(async ({ store }, limiter) => {
        const charges = [
          { account: 'ameyo5m', category: 'legs', cost: 3, subjects: { key: 'k7' } },
          { address: '203.0.113.9', category: 'legs', cost: 2 },
        ];
        const other = new RateLimiter({ policy: POLICY, store }) as RateLimiter;
        const text = String((await limiter.consumeAll(charges)).receipt);
        expect(await other.settle(text, 1)).toBe(true);
        expect(await limiter.refund(text)).toBe(false);
        expect(await usedOf(limiter, charges[0]!)).toEqual([1, 1, 1, 1, 1, 1]);
        expect(await usedOf(limiter, charges[1]!)).toEqual([1, 1, 1, 1, 1]);
        await other.close();
      }));

    it('a subject has its limit within its account, whatever the characters of its id', () =>
      within(async (under, limiter) => {
        const ids = ['L1', 'l1', ' ', '/', 'a/b', '}{', 'a\0b', '\ud800', '__proto__', '*', 'ж'.repeat(3000)];
        for (const leg of ids) {
          await timeOf(under).advance(60_000);
          for (const account of ['ameyo5m', 'acme']) {
            const one = { account, category: 'legs', subjects: { leg } };
            expect((await limiter.consume(one)).allowed).toBe(true);
            expect((await limiter.consume(one)).allowed).toBe(true);
            const refused = await limiter.consume(one);
            expect(refused).toMatchObject({ allowed: false, retryAfterMs: 1000, tightest: { subject: 'leg' } });
            expect(refused.tightest).toMatchObject({ scope: 'subject', subjectId: leg });
          }
        }
      }));

    it('reset reaches one subject, all subjects of an account, and the service', () =>
      within(async (_, limiter) => {
        const one = { account: 'ameyo5m', category: 'legs', subjects: { leg: 'L1', key: 'k7' } };
        await limiter.consume(one);
        await limiter.reset({ account: 'ameyo5m', subjects: { leg: 'L1' } });
        expect(await usedOf(limiter, one)).toEqual([1, 1, 1, 1, 1, 0, 1]);
        await limiter.reset({ account: 'ameyo5m', category: 'legs', subjects: { key: 'k7' } });
        expect(await usedOf(limiter, one)).toEqual([0, 0, 1, 1, 1, 0, 0]);
        await limiter.consume(one);
        await limiter.reset({ account: 'ameyo5m' });
        expect(await usedOf(limiter, one)).toEqual([0, 0, 0, 2, 2, 0, 0]);
        await limiter.reset({ service: true });
        expect(await usedOf(limiter, one)).toEqual([0, 0, 0, 0, 0, 0, 0]);
      }));

    it('limits that are only observed refuse nothing, and count what they would have admitted', () => {
      const policy = definePolicy({
        quotas: [perMinute(4)],
        each: { leg: { quotas: [perMinute(2)], mode: 'observe' } },
      });
      return within(async ({ store }) => {
        const limiter = new RateLimiter({ policy, store, name: 'observed' });
        const one = { account: 'ameyo5m', category: 'legs', subjects: { leg: 'L1' } };
        const seen: unknown[] = [];
        for (let sent = 0; sent < 5; sent++) {
          const { allowed, wouldRefuse, quotas } = await limiter.consume(one);
          seen.push([allowed, wouldRefuse, ...quotas.map(used)]);
        }
        expect(seen).toEqual([
          [true, false, 1, 1],
          [true, false, 2, 2],
          [true, true, 3, 2],
          [true, true, 4, 2],
          [false, false, 4, 2],
        ]);
        await limiter.close();
      });
    });

    it('what enforced limits refuse leaves nothing in observed ones', () => {
      const policy = definePolicy({
        quotas: [perMinute(1)],
        each: { leg: { quotas: [perMinute(5)], mode: 'observe' } },
      });
      return within(async ({ store }) => {
        const limiter = new RateLimiter({ policy, store, name: 'observed' });
        const one = { account: 'ameyo5m', category: 'legs', subjects: { leg: 'L1' } };
        const { receipt } = await limiter.consume(one);
        for (let sent = 0; sent < 3; sent++) expect((await limiter.consume(one)).allowed).toBe(false);
        await expect.poll(async () => (await limiter.peek({ ...one, cost: 0 })).quotas.map(used)).toEqual([1, 1]);
        await limiter.refund(receipt!);
        await expect.poll(async () => (await limiter.peek({ ...one, cost: 0 })).quotas.map(used)).toEqual([0, 0]);
        await limiter.close();
      });
    });
  });
}

function used(quota: { readonly used: number }): number {
  return quota.used;
}
