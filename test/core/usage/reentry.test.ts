import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { expect, it } from 'vitest';

it('counts usage for the charged account, also if a subscriber gives its slot to another one', async () => {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] }, store: new MemoryStore(), usage: true });
  let isFirst = true;
  const takeOver = () => {
    if (!isFirst) return;
    isFirst = false;
    limiter.reset({ account: 'a' });
    limiter.consume({ account: 'other', category: 'legs' });
  };
  subscribe('tollgate:decision', takeOver);
  limiter.consume({ account: 'a', category: 'legs' });
  unsubscribe('tollgate:decision', takeOver);
  expect(isFirst).toBe(false);
  const from = Date.now() - 60_000;
  expect((await limiter.usage({ account: 'a', from })).totals.requests).toBe(1);
  expect((await limiter.usage({ account: 'other', from })).totals.requests).toBe(1);
  await limiter.close();
});
