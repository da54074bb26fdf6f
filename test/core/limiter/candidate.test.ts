import { type Comparison, type CounterSpec, type Decision, MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { FailingStore } from '../outage/failing-store.js';
import { liveWorld, nextTurn } from './world.js';

const policy = { quotas: [perMinute(3)] };
const candidate = { quotas: [perMinute(2)], total: [perMinute(5)] };

describe('a candidate', () => {
  it('decides beside the policy, on counters of its own, and refuses no one', () => {
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

  it('may be laxer, or limit nothing', () => {
    const { allowed, limiter } = liveWorld({ policy, candidate: { quotas: 'unlimited' } });
    allowed(5);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 3, onlyCandidateAllows: 2 });
  });

  it('is judged where the policy itself is only observed', () => {
    const { allowed, limiter } = liveWorld({ policy: { ...policy, mode: 'observe' }, candidate });
    allowed(4);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 2, onlyCandidateRefuses: 1, bothRefuse: 1 });
  });

  it('is not charged by a peek, and its charge is refunded with the other', () => {
    const { consume, limiter } = liveWorld({ policy, candidate });
    limiter.peek({ account: 'ameyo5m', category: 'legs' });
    for (let times = 0; times < 4; times++) limiter.refund(consume().receipt!);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 4, onlyCandidateRefuses: 0 });
  });

  it('is reset and pardoned with the policy', () => {
    const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0 };
    const { consume, limiter, time } = liveWorld({ policy, candidate: { quotas: [perMinute(1)], throttle } });
    const judged: Decision[] = [];
    limiter.on('candidate', ({ candidate }) => judged.push(candidate));
    for (const forget of [
      () => limiter.reset({ account: 'ameyo5m', category: 'legs' }),
      () => limiter.reset({ account: 'ameyo5m' }),
    ]) {
      for (let times = 0; times < 2; times++) consume();
      expect(judged.at(-1)!.throttled).toBeDefined();
      forget();
      consume();
      expect(judged.at(-1)!.allowed).toBe(true);
    }
    consume();
    expect(judged.at(-1)!.throttled).toBeDefined();
    limiter.pardon({ account: 'ameyo5m', category: 'legs' });
    time.now += 59_999;
    consume();
    expect(judged.at(-1)!.reason).toBe('limit-reached');
  });

  it('is put in, changed and taken out while the limiter runs, and may become the policy', () => {
    const { allowed, limiter } = liveWorld({ policy });
    allowed(1);
    limiter.setCandidate(candidate);
    allowed(1);
    expect(limiter.stats().candidate.bothAllow).toBe(1);
    limiter.setPolicy(candidate);
    limiter.setCandidate(undefined);
    // What was admitted still counts: two of two.
    expect(allowed(1)).toEqual([false]);
    expect(limiter.stats().candidate).toMatchObject({ bothAllow: 1, bothRefuse: 0 });
    expect(() => limiter.setCandidate({ quotas: [] })).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_RANGE' }),
    );
  });

  it('meets no counter of the policy, whatever the names', () => {
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

describe('a candidate on a store that takes its time', () => {
  const charge = { account: 'ameyo5m', category: 'legs' };

  it('is asked in the same turn, and no one waits for it', async () => {
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

  it('that fails is no one’s failure but the store’s', async () => {
    const store = new FailingStore();
    const limiter = new RateLimiter({ policy, candidate, store });
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

  it('has no one hear of an answer that cannot be read, not even when the charge is taken back', async () => {
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
