import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisLimits, RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { readPage } from './fences.js';

const [, text] = /^ {4}ACL SETUSER (.*)$/m.exec(readPage('docs/redis.md'))!;
const rule = text!.split(' ');

it('the access rule in docs/redis.md is enough for all that limits do, and its last commands are for changes alone', async () => {
  const server = await RunningServer.start();
  const admin = new Redis(server.url);
  await admin.call('ACL', 'SETUSER', ...rule);
  await admin.call('ACL', 'SETUSER', 'follower', ...rule.slice(1, -5));
  const urlOf = (user: string) => server.url.replace('//', `//${user}:secret@`);
  const limits = new RedisLimits({ url: urlOf('tollgate') });
  const follower = new RedisLimits({ url: urlOf('follower'), refreshMs: 60_000 });
  try {
    const layer = { quotas: [perMinute(2)] };
    await follower.ready();
    await expect.poll(async () => (await admin.pubsub('NUMSUB', 'tollgate:limits:v1'))[1]).toBe(2);
    await limits.set('ameyo5m', layer, { by: 'jo' });
    await limits.suspend();
    await expect.poll(() => follower.suspension).toBeDefined();
    expect(follower.layerOf('ameyo5m')).toBeDefined();
    await expect(follower.set('ameyo5m', layer)).rejects.toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      charged: 'no',
    });
    await limits.resume();
    const accounts = [];
    for await (const { account } of follower.list()) accounts.push(account);
    expect(accounts).toEqual(['ameyo5m']);
    expect(await follower.get('ameyo5m')).toMatchObject({ version: 1 });
    // Without the log all is read anew.
    await admin.del('tollgate:limits:{v1}:log');
    await limits.delete('ameyo5m');
    await expect.poll(() => follower.state()).toMatchObject({ state: 'fresh', version: 4, accounts: 0 });
    expect(await follower.history()).toMatchObject([{ version: 4, change: 'deleted' }]);
    for (const { state, lastError } of [limits.state(), follower.state()]) {
      expect([state, lastError]).toEqual(['fresh', undefined]);
    }
  } finally {
    await limits.close();
    await follower.close();
    admin.disconnect();
    await server.stop();
  }
});

it('the access rule in docs/redis.md is enough for all that the store does', async () => {
  const server = await RunningServer.start();
  const admin = new Redis(server.url);
  await admin.call('ACL', 'SETUSER', ...rule.slice(0, rule.indexOf('+hget')).filter((part) => !part.startsWith('&')));
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
