import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { type RunningCluster, startCluster } from '../../redis-servers/cluster.js';
import { until } from '../../redis-servers/standalone.js';

const PREFIX = 'slot-down';
let cluster: RunningCluster;

beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);

afterAll(() => cluster?.stop());

async function masterOf(account: string) {
  const slot = Number(await ask(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', `${PREFIX}:v1:{${account}}`));
  return cluster.masterOf(slot);
}

it('where the master of the service fails alone, charges are decided here, and counted once it is back', async () => {
  const client = new Cluster([...cluster.startupNodes]);
  const store = new RedisStore({ client, prefix: PREFIX });
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(10_000)], service: [perMinute(10_000)] }, store });
  await store.ready();
  const failing = await masterOf('@service');
  const names = Array.from({ length: 20 }, (_, n) => `a${n}`);
  const masters = await Promise.all(names.map(masterOf));
  const accounts = names.filter((_, n) => masters[n] !== failing);
  const chargeAll = () =>
    Promise.all(accounts.map(async (account) => (await limiter.consume({ account, category: 'legs' })).source));
  const usedOf = async (account: string, name: string) =>
    (await store.peek(account, [{ name, quotas: [perMinute(10_000)] }], 0)).used[0];

  await chargeAll();
  // Rights are a node's own.
  await ask(failing.port, 'ACL', 'SETUSER', 'default', '-evalsha', '-eval');
  while (!limiter.health().shards.some(({ name }) => name === store.shardOf('@service'))) await chargeAll();
  await until('the probes to find the masters of the accounts', async () => limiter.health().shards.length === 1);
  const before = limiter.health();
  for (let round = 0; round < 5; round++) {
    expect(new Set(await chargeAll())).toEqual(new Set(['local']));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const during = limiter.health();
  expect(during.shards).toMatchObject([{ name: store.shardOf('@service') }]);
  expect(during.writeBack).toEqual({
    ...before.writeBack,
    pending: before.writeBack.pending + 5 * accounts.length,
  });
  const [account = ''] = accounts;
  const usedBefore = await usedOf(account, 'legs');

  await ask(failing.port, 'ACL', 'SETUSER', 'default', '+@all');
  await until('all to be written back', async () => limiter.health().writeBack.pending === 0);
  expect(limiter.health()).toMatchObject({ state: 'up', writeBack: { dropped: before.writeBack.dropped } });
  expect(await usedOf(account, 'legs')).toBeGreaterThanOrEqual(usedBefore! + 5);
  const written = accounts.length + limiter.health().writeBack.written;
  expect(await usedOf('@service', 'service')).toBe(written);
  expect(new Set(await chargeAll())).toEqual(new Set(['store']));
  await limiter.close();
  await store.close();
  client.disconnect();
}, 60_000);
