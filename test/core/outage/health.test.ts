import { type Health, perHour, RateLimiter } from '@tollgate/core';
import { describe, expect, it, vi } from 'vitest';
import { CHARGE, failingWorld, fakeTime, pass } from '../failing-world.js';

describe('health', () => {
  fakeTime();

  it('is up while the store answers', () => {
    const began = Date.now();
    const limiter = new RateLimiter({ policy: { quotas: [perHour(1)] } });
    limiter.consume(CHARGE);
    expect(limiter.health()).toEqual({
      state: 'up',
      since: began,
      shards: [],
      failures: 0,
      decidedLocally: 0,
      allowedUnchecked: 0,
      deniedUnchecked: 0,
      writeBack: { pending: 0, written: 0, dropped: 0 },
    });
  });

  it('counts decisions by source, and has the start and the cause of an outage', async () => {
    const { consume, limiter, store } = failingWorld({
      onStoreFailure: { categories: { events: 'allow', bridges: 'deny' } },
    });
    await pass(5000);
    const downAt = Date.now();
    store.manner = 'refuse';
    for (let times = 0; times < 5; times++) await consume();
    await pass(50);
    for (let times = 0; times < 2; times++) await limiter.consume({ account: 'ameyo5m', category: 'events' });
    await limiter.consume({ account: 'ameyo5m', category: 'bridges' });
    expect(limiter.health()).toEqual({
      state: 'down',
      since: downAt,
      shards: [{ name: '', state: 'down', since: downAt, lastError: 'the line is dead' }],
      failures: 5,
      decidedLocally: 5,
      allowedUnchecked: 2,
      deniedUnchecked: 1,
      writeBack: { pending: 3, written: 0, dropped: 0 },
    });
    expect(JSON.parse(JSON.stringify(limiter.health()))).toEqual(limiter.health());
  });

  it('notifies its listeners of each change, and of nothing else', async () => {
    const { goDown, limiter, store } = failingWorld();
    const notified: Health[] = [];
    const listener = (health: Health) => notified.push(health);
    expect(limiter.on('health', listener)).toBe(limiter);
    await goDown();
    await pass(5000);
    expect(notified.map(({ state }) => state)).toEqual(['down']);
    store.manner = 'well';
    await pass(5000);
    expect(notified.map(({ state }) => state)).toEqual(['down', 'up']);
    limiter.off('health', listener);
    await goDown();
    expect(notified).toHaveLength(2);
    expect(() => limiter.on('healt' as never, listener)).toThrow(/`event`.*"health"/);
    expect(() => limiter.on('health', 5 as never)).toThrow(/`listener`.*function/);
  });

  it('ignores a listener that fails, with a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      const { consume, goDown, limiter } = failingWorld();
      let notified = 0;
      limiter.on('health', () => {
        throw new Error('a bug');
      });
      limiter.on('health', () => Promise.reject(new Error('a late bug')));
      limiter.on('health', () => {
        notified++;
      });
      await goDown();
      await pass(0);
      expect(await consume()).toMatchObject({ source: 'local' });
      expect(notified).toBe(1);
      expect(warned.mock.calls.map(([message]) => message)).toEqual([
        'The store of the limiter default failed: the line went dead. Requests are decided without it until it answers',
        "A listener of 'health' failed: a bug",
        "A listener of 'health' failed: a late bug",
      ]);
    } finally {
      warned.mockRestore();
    }
  });
});
