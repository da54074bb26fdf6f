import { type AccountSource, type Decision, type Health, perMinute, type Suspension } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { liveWorld, nextTurn, warnings } from '../live-limiter.js';

const policy = { quotas: [perMinute(1)] };

describe('a suspended limiter', () => {
  it('admits every charge without counting, until resume', () => {
    const { allowed, consume, limiter } = liveWorld({ policy });
    expect(allowed(2)).toEqual([true, false]);
    limiter.suspend();
    expect(consume()).toMatchObject({
      allowed: true,
      wouldRefuse: false,
      reason: 'suspended',
      source: 'none',
      retryAfterMs: 0,
      quotas: [],
      tightest: undefined,
      receipt: undefined,
    });
    expect(limiter.peek({ account: 'ameyo5m', category: 'legs' })).toMatchObject({ reason: 'suspended' });
    allowed(1, { account: 'other' });
    expect(limiter.stats().suspended).toBe(2);
    limiter.resume();
    expect(allowed(2, { account: 'other' })).toEqual([true, false]);
    expect(allowed(1)).toEqual([false]);
  });

  it('counts no debit, not even one that waited for a source when the suspension began', async () => {
    const charge = { account: 'ameyo5m', category: 'legs' };
    let answer: () => void = () => {};
    const source: AccountSource = {
      layerOf: () => new Promise((resolve) => (answer = () => resolve(undefined))),
    };
    const { limiter } = liveWorld({ policy, accounts: source });
    const debited = limiter.debit(charge);
    limiter.suspend();
    answer();
    expect(await debited).toBeUndefined();
    expect(await limiter.debit(charge)).toBeUndefined();
    limiter.resume();
    const peeked = limiter.peek(charge);
    answer();
    expect((await peeked).tightest?.used).toBe(0);
  });

  it('still throws on an invalid charge', () => {
    const { consume, limiter } = liveWorld({ policy });
    limiter.suspend();
    expect(() => consume({ cost: -1 })).toThrow(RangeError);
    expect(() => consume({ category: '' })).toThrow(TypeError);
  });

  it('reports its beginning and its end once each: in health, by event and by warning', async () => {
    const warned = await warnings();
    const { limiter } = liveWorld({ policy });
    const published: (Suspension | undefined)[] = [];
    const health: Health[] = [];
    limiter.on('suspension', (suspension) => published.push(suspension));
    limiter.on('health', (now) => health.push(now));
    const before = Date.now();
    limiter.suspend({ by: 'jo', reason: 'wrong limits since the release' });
    expect(limiter.health().suspended).toEqual({
      since: expect.any(Number),
      by: 'jo',
      reason: 'wrong limits since the release',
    });
    expect(limiter.health().suspended!.since).toBeGreaterThanOrEqual(before);
    limiter.resume();
    limiter.resume();
    expect(limiter.health()).not.toHaveProperty('suspended');
    expect(published).toEqual([expect.objectContaining({ by: 'jo' }), undefined]);
    expect(health.map(({ suspended }) => suspended?.by)).toEqual(['jo', undefined]);
    await nextTurn();
    expect(warned).toEqual([
      'Rate limits are suspended by jo, and everyone is let through: wrong limits since the release',
      'Rate limits are enforced again',
    ]);
  });

  it('warns in one line, whatever the reason contains', async () => {
    const warned = await warnings();
    const { limiter } = liveWorld({ policy });
    limiter.suspend({ by: 'jo\n\u001b[31mroot', reason: 'x'.repeat(100_000) });
    await nextTurn();
    expect(warned).toEqual([
      `Rate limits are suspended by jo [31mroot, and everyone is let through: ${'x'.repeat(200)}`,
    ]);
  });

  it('refuses an invalid reason', () => {
    const { limiter } = liveWorld({ policy });
    for (const why of [{ reson: 'x' }, { by: 5 }, { by: '' }, null, 'jo']) {
      expect(() => limiter.suspend(why as never)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^TOLLGATE_OPTION_/) }),
      );
    }
    expect(limiter.health()).not.toHaveProperty('suspended');
  });

  it('can be suspended by a source, and continues when both have resumed', () => {
    let listener = () => {};
    let stopped = false;
    const source: AccountSource & { suspension?: Suspension | undefined } = {
      layerOf: () => undefined,
      onSuspension(given) {
        listener = given;
        return () => {
          stopped = true;
        };
      },
    };
    const { consume, limiter } = liveWorld({ policy, accounts: source });
    const published: unknown[] = [];
    limiter.on('suspension', (suspension) => published.push(suspension));
    source.suspension = { since: 1, by: 'fleet' };
    listener();
    expect(consume().reason).toBe('suspended');
    limiter.suspend({ by: 'jo' });
    expect(limiter.health().suspended).toMatchObject({ by: 'jo' });
    limiter.resume();
    expect(consume().reason).toBe('suspended');
    source.suspension = undefined;
    listener();
    expect(consume().reason).toBe('admitted');
    expect(published).toEqual([
      { since: 1, by: 'fleet' },
      expect.objectContaining({ by: 'jo' }),
      { since: 1, by: 'fleet' },
      undefined,
    ]);
    limiter.close();
    expect(stopped).toBe(true);
  });

  it('starts suspended if its source is', async () => {
    const warned = await warnings();
    const source: AccountSource = { layerOf: () => undefined, suspension: { since: 1 } };
    const { consume, limiter } = liveWorld({ policy, accounts: source });
    expect(consume()).toMatchObject({ reason: 'suspended' } satisfies Partial<Decision>);
    await nextTurn();
    expect(warned).toEqual(['Rate limits are suspended, and everyone is let through']);
    expect(limiter.health().suspended).toEqual({ since: 1 });
  });
});
