import { type Comparison, type CounterSpec, type Decision, MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { FailingStore } from '../failing-store.js';
import { liveWorld, nextTurn } from '../live-limiter.js';

const policy = { quotas: [perMinute(3)] };
const candidate = { quotas: [perMinute(2)], total: [perMinute(5)] };

describe('a candidate', () => {
  it('decides next to the policy, on its own counters, and refuses nobody', () => {
    const { allowed, limiter } = liveWorld({ policy, candidate });
    const compared: Comparison[] = [];
    limiter.on('candidate', (comparison) => compared.push(comparison));
    expect(allowed(4)).toEqual([true, true, true, false]);
    expect(compared.map(({ candidate, differs }) => [candidate.allowed, differs])).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(compared[2]!.decision).toMatchObject({ allowed: true, tightest: { limit: 3, used: 3 } });
    expect(compared[2]!.candidate).toMatchObject({
      account: 'ameyo5m',
      category: 'legs',
      reason: 'limit-reached',
      receipt: undefined,
      quotas: [
        { limit: 2, used: 2 },
        { limit: 5, used: 2 },
      ],
    });
    expect(limiter.stats().candidate).toEqual({
      bothAllow: 2,
      bothRefuse: 1,
      onlyCandidateRefuses: 1,
      onlyCandidateAllows: 0,
      undecided: 0,
    });
  });

  it('may have higher limits than the policy, or none', () => {
    const { allowed, limiter } = liveWorld({ policy, candidate: { quotas: 'unlimited' } });
    allowed(5);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 3, onlyCandidateAllows: 2 });
  });

  it('is compared with the policy while that is only observed', () => {
    const { allowed, limiter } = liveWorld({ policy: { ...policy, mode: 'observe' }, candidate });
    allowed(4);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 2, onlyCandidateRefuses: 1, bothRefuse: 1 });
  });

  it('is not charged by a peek, and a refund takes back its charge too', () => {
    const { consume, limiter } = liveWorld({ policy, candidate });
    limiter.peek({ account: 'ameyo5m', category: 'legs' });
    for (let times = 0; times < 4; times++) limiter.refund(consume().receipt!);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 4, onlyCandidateRefuses: 0 });
  });

  it('is reset and pardoned together with the policy', () => {
    const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0 };
    const blocked = { endsAfterMs: 60_000, factor: 0, scope: 'category' };
    const { consume, limiter, time } = liveWorld({ policy, candidate: { quotas: [perMinute(1)], throttle } });
    const judged: Decision[] = [];
    limiter.on('candidate', ({ candidate }) => judged.push(candidate));
    for (const forget of [
      () => limiter.reset({ account: 'ameyo5m', category: 'legs' }),
      () => limiter.reset({ account: 'ameyo5m' }),
    ]) {
      for (let times = 0; times < 2; times++) consume();
      expect(judged.at(-1)!.throttled).toEqual(blocked);
      forget();
      consume();
      expect(judged.at(-1)!.allowed).toBe(true);
    }
    consume();
    expect(judged.at(-1)!.throttled).toEqual(blocked);
    limiter.pardon({ account: 'ameyo5m', category: 'legs' });
    time.now += 59_999;
    consume();
    expect(judged.at(-1)!.reason).toBe('limit-reached');
  });

  it('can be set, changed and removed at run time, and become the policy', () => {
    const { allowed, limiter } = liveWorld({ policy });
    allowed(1);
    limiter.setCandidate(candidate);
    allowed(1);
    expect(limiter.stats().candidate.bothAllow).toBe(1);
    limiter.setPolicy(candidate);
    limiter.setCandidate(undefined);
    // Earlier admissions still count: two of two.
    expect(allowed(1)).toEqual([false]);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 1, bothRefuse: 0 });
    expect(() => limiter.setCandidate({ quotas: [] })).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_RANGE' }),
    );
  });

  it('shares no counter with the policy, whatever the names', () => {
    const store = new MemoryStore();
    const open = new RateLimiter({ policy: { quotas: [perMinute(9)], environments: { '*': policy } }, store });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(9)] }, candidate, store });
    limiter.consume({ account: 'a', category: 'legs' });
    for (const charge of [
      { account: 'a', category: '*/legs' },
      { account: 'a', category: 'legs', environment: '*' },
      { account: 'a', category: '/legs' },
    ]) {
      expect((open.peek(charge) as Decision).tightest?.used).toBe(0);
    }
  });
});

describe('a candidate on a slow store', () => {
  const charge = { account: 'ameyo5m', category: 'legs' };

  it('is charged in the same turn, and no request waits for it', async () => {
    const store = new FailingStore();
    const limiter = new RateLimiter({ policy, candidate, store });
    const made = limiter.consume(charge);
    expect(store.asked).toEqual(['consume', 'consume']);
    const decision = await made;
    await limiter.refund(decision.receipt!);
    await nextTurn();
    expect(store.asked.filter((asked) => asked === 'refund')).toHaveLength(2);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 1, undecided: 0 });
    expect(store.memory.peek('ameyo5m', [{ name: '*/legs', quotas: [perMinute(2)] }], 0).used).toEqual([0]);
    await limiter.close();
  });

  it('fails without an effect on the request', async () => {
    const store = new FailingStore();
    // Room for all: after a lost answer, a charge has to fit what this process has admitted alone too.
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(9)] }, candidate, store });
    for (const manner of ['unknown', 'throw', 'garbage', 'nothing'] as const) {
      store.manner = manner;
      expect(await limiter.consume(charge)).toMatchObject({ source: 'local' });
      store.manner = 'well';
      expect(await limiter.consume(charge)).toMatchObject({ source: 'store' });
      await nextTurn();
    }
    expect(limiter.stats().candidate.undecided).toBe(4);
    expect(limiter.health().failures).toBe(4);
    await limiter.close();
  });

  it('reports no error for an unreadable answer, not even after a refund', async () => {
    const unheard: unknown[] = [];
    const hear = (reason: unknown) => unheard.push(reason);
    process.on('unhandledRejection', hear);
    const answered = { allowed: true, now: 1, used: [1], resetAfterMs: [1], retryAfterMs: 0, token: 1 };
    const unreadable = Object.defineProperty({ ...answered }, 'used', {
      get() {
        throw new Error('no answer');
      },
    });
    const store = Object.assign(new FailingStore(), {
      consume: async (_: string, [counter]: readonly CounterSpec[]) =>
        counter!.name.startsWith('*/') ? unreadable : answered,
      refund: async () => {},
    });
    const limiter = new RateLimiter({ policy, candidate: policy, store });
    const { receipt } = await limiter.consume({ account: 'ameyo5m', category: 'legs' });
    expect(await limiter.refund(receipt!)).toBe(true);
    await nextTurn();
    process.off('unhandledRejection', hear);
    expect(unheard).toEqual([]);
    expect(limiter.stats().candidate.undecided).toBe(1);
    await limiter.close();
  });
});
