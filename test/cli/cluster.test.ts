import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningCluster, startCluster } from '../redis-servers/cluster.js';
import { tollgate } from './tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let cluster: RunningCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

it('the URL of any node connects to the whole Cluster', async () => {
  const [first, second, third] = cluster.nodes.map(({ url }) => ['--redis', url]) as [string[], string[], string[]];
  const set = await tollgate(['limits', 'set', 'ameyo5m', '--category', 'legs=7/s', ...first]);
  expect([set.code, set.stderr]).toEqual([0, '']);
  const got = await tollgate(['limits', 'get', 'ameyo5m', ...second]);
  expect(got.stdout).toContain('  category legs  7/second\n');
  // Accounts of several slots.
  for (const account of ['ameyo5m', 'a', 'b', 'c']) {
    const { code, stdout } = await tollgate(['peek', account, '--category', 'legs', '--json', ...third]);
    expect(JSON.parse(stdout)).toMatchObject({ source: 'store', quotas: [{ limit: account === 'ameyo5m' ? 7 : 100 }] });
    expect(code).toBe(0);
  }
  expect((await tollgate(['reset', 'a', '--all', ...second])).code).toBe(0);
});

it('peek and reset reach subjects and the counter of everybody together, which lie on several nodes', async () => {
  const policy = { quotas: [perMinute(100)], each: { leg: [perMinute(9)] }, service: [perMinute(50)] };
  const client = new Cluster([...cluster.startupNodes]);
  const store = new RedisStore({ client, timeoutMs: 5000 });
  await store.ready();
  const limiter = new RateLimiter({ policy, store });
  for (const account of ['a', 'b', 'c']) {
    expect(await limiter.consume({ account, category: 'legs', subjects: { leg: 'L1' } })).toMatchObject({
      source: 'store',
    });
  }
  await limiter.close();
  await store.close();
  client.disconnect();
  const run = (...args: readonly string[]) =>
    tollgate([...args, '--json', '--policy', '-', '--redis', cluster.nodes[0]!.url], { input: JSON.stringify(policy) });
  const used = async (...args: readonly string[]) =>
    JSON.parse((await run('peek', ...args)).stdout).quotas.map(({ used }: { used: number }) => used);
  const onLeg = ['b', '--category', 'legs', '--subject', 'leg=L1'];
  expect([await used(...onLeg), await used('--service')]).toEqual([[1, 3, 1], [3]]);
  for (const args of [['b', '--subject', 'leg=L1'], ['--service']]) expect((await run('reset', ...args)).code).toBe(0);
  expect([await used(...onLeg), await used('--service')]).toEqual([[1, 0, 0], [0]]);
});
