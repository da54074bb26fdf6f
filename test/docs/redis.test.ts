import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { readPage } from './fences.js';

it('the access rule in docs/redis.md is enough for all that the store does', async () => {
  const server = await RunningServer.start();
  const admin = new Redis(server.url);
  const [, rule] = /^ {4}ACL SETUSER (.*)$/m.exec(readPage('docs/redis.md'))!;
  await admin.call('ACL', 'SETUSER', ...rule!.split(' '));
  const store = new RedisStore({ url: server.url.replace('//', '//tollgate:secret@') });
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(2)], total: [perMinute(5)] }, store });
  try {
    const charge = { account: 'ameyo5m', category: 'legs' };
    await store.probe('ameyo5m');
    const first = await limiter.consume(charge);
    expect(first.source).toBe('store');
    await limiter.refund(first.receipt!);
    await limiter.consume(charge);
    expect((await limiter.peek(charge)).tightest?.used).toBe(1);
    await limiter.reset(charge);
    await limiter.reset({ account: 'ameyo5m' });
    expect(await admin.keys('tollgate:v1:{ameyo5m}:[^!]*')).toEqual([]);
    expect(limiter.health().failures).toBe(0);
  } finally {
    await limiter.close();
    await store.close();
    admin.disconnect();
    await server.stop();
  }
});
