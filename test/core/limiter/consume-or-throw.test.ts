import { MemoryStore, type Outcome, RateLimitError, RateLimiter, type Store } from '@tollgate/core';
import { describe, expect, it, onTestFinished } from 'vitest';

function limiterOn(store: Store, mode: 'enforce' | 'observe' = 'enforce'): RateLimiter {
  const limiter = new RateLimiter({ policy: { quotas: [{ limit: 1, windowMs: 60_000 }], mode }, store });
  onTestFinished(() => {
    limiter.close();
    store.close();
  });
  return limiter;
}

/** A memory store behind promises. */
function remoteStore(): Store {
  const memory = new MemoryStore({ clock: () => 0 });
  return {
    consume: async (...args): Promise<Outcome> => memory.consume(...args),
    peek: async (...args): Promise<Outcome> => memory.peek(...args),
    refund: async () => {},
    reset: async (...args) => memory.reset(...args),
    close: () => memory.close(),
  };
}

const CHARGE = { account: 'acme', category: 'legs' };

describe('consumeOrThrow', () => {
  it('returns the decision of an admitted charge', async () => {
    const limiter = limiterOn(new MemoryStore({ clock: () => 0 }));
    expect(limiter.consumeOrThrow(CHARGE)).toMatchObject({ allowed: true, reason: 'admitted' });
    expect(await limiterOn(remoteStore()).consumeOrThrow(CHARGE)).toMatchObject({ allowed: true });
  });

  it('throws a refusal, with the decision', () => {
    const limiter = limiterOn(new MemoryStore({ clock: () => 0 }));
    limiter.consume(CHARGE);
    let thrown: unknown;
    try {
      limiter.consumeOrThrow(CHARGE);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RateLimitError);
    expect(thrown).toMatchObject({
      name: 'RateLimitError',
      code: 'TOLLGATE_LIMITED',
      message: 'The rate limit refuses this charge on legs: limit-reached, retry after 60000 ms',
      retryAfterMs: 60_000,
      decision: { allowed: false, account: 'acme' },
    });
  });

  it('rejects with a refusal on a store that answers with promises', async () => {
    const limiter = limiterOn(remoteStore());
    await limiter.consume(CHARGE);
    await expect(limiter.consumeOrThrow(CHARGE)).rejects.toMatchObject({ code: 'TOLLGATE_LIMITED' });
  });

  it('names no time where no wait helps', () => {
    const limiter = limiterOn(new MemoryStore({ clock: () => 0 }));
    expect(() => limiter.consumeOrThrow({ ...CHARGE, cost: 2 })).toThrow(/cost-above-limit, no wait helps/);
  });

  it('returns a decision that only would be refused', () => {
    const limiter = limiterOn(new MemoryStore({ clock: () => 0 }), 'observe');
    limiter.consume(CHARGE);
    expect(limiter.consumeOrThrow(CHARGE)).toMatchObject({ allowed: true, wouldRefuse: true });
  });
});
