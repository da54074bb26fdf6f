import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisLimits, RedisStore, RedisUsage } from '@tollgate/redis';
import { Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { entriesOf } from '../../contract/usage/requests.js';
import { ask } from '../../redis-servers/ask.js';
import { startCluster } from '../../redis-servers/cluster.js';
import { MuteProxy } from '../../redis-servers/mute-proxy.js';
import { RunningServer, until } from '../../redis-servers/standalone.js';
import { quiet } from './world.js';

const HEALS_WITHIN_MS = 20_000;
const policy = { quotas: [perMinute(1_000_000)] };

function ownClient<C extends Redis | Cluster>(client: C): C {
  onTestFinished(() => client.disconnect());
  return quiet(client);
}

/** A limiter, and whether the store decides an account's charge now. */
function limiterOn(store: RedisStore) {
  const limiter = new RateLimiter({ policy, store });
  onTestFinished(async () => {
    await limiter.close();
    await store.close();
  });
  const isStored = async (account = 'acme') => {
    return (await limiter.consume({ account, category: 'legs' })).source === 'store';
  };
  return { limiter, isStored };
}

describe('a connection that nothing answers on, and nothing ends,', () => {
  let server: RunningServer;
  let proxy: MuteProxy;
  beforeEach(async () => {
    server = await RunningServer.start();
    proxy = await MuteProxy.to(server.port);
  });
  afterEach(async () => {
    await proxy.close();
    await server.stop();
  });

  const connections = () => ({
    'ioredis 6': { client: ownClient(new Redis(proxy.url)) },
    'ioredis 5': { client: ownClient(new Redis5(proxy.url) as unknown as Redis) },
    'without an offline queue': { client: ownClient(new Redis(proxy.url, { enableOfflineQueue: false })) },
    'without a ready check': { client: ownClient(new Redis(proxy.url, { enableReadyCheck: false })) },
    'another database': { client: ownClient(new Redis(`${proxy.url}/3`)) },
    url: { url: proxy.url },
  });

  it('is opened anew by the store, however its client is set up', { timeout: 60_000 }, async () => {
    const worlds = Object.entries(connections()).map(([name, connection]) => {
      return { name, ...limiterOn(new RedisStore({ ...connection, prefix: 'silent' })) };
    });
    for (const { isStored } of worlds) await until('the store to decide', isStored);
    proxy.mute();
    await Promise.all(
      worlds.map(async ({ name, limiter, isStored }) => {
        await until(`${name} to be down`, async () => !(await isStored()) && limiter.health().state === 'down');
        await until(`${name} to heal`, isStored, HEALS_WITHIN_MS);
        expect(limiter.health().state).toBe('up');
      }),
    );
  });

  it('is opened anew also where it was never ready', { timeout: 60_000 }, async () => {
    proxy.mutesNewcomers = true;
    const worlds = Object.entries(connections()).map(([name, connection]) => {
      return { name, ...limiterOn(new RedisStore({ ...connection, prefix: 'silent' })) };
    });
    for (const { name, limiter, isStored } of worlds) {
      await until(`${name} to be down`, async () => !(await isStored()) && limiter.health().state === 'down');
    }
    proxy.mutesNewcomers = false;
    await Promise.all(worlds.map(({ name, isStored }) => until(`${name} to heal`, isStored, HEALS_WITHIN_MS)));
  });

  it('is not mistaken for one of a server that is loading its data', { timeout: 60_000 }, async () => {
    let connections = 0;
    let isLoading = true;
    const loading = createServer((socket) => {
      connections++;
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        for (const command of String(bytes)
          .split(/^\*\d+\r\n/m)
          .slice(1)) {
          const info = `loading:${Number(isLoading)}\r\nloading_eta_seconds:4\r\n`;
          if (/\r\ninfo\r\n/i.test(command)) socket.write(`$${info.length}\r\n${info}\r\n`);
          else socket.write(/\r\nclient|\r\nhello/i.test(command) ? '+OK\r\n' : '-ERR not here\r\n');
        }
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void loading.close());
    await once(loading, 'listening');
    const { port } = loading.address() as AddressInfo;
    const client = ownClient(new Redis(port, { retryStrategy: (attempt) => (attempt > 3 ? null : 100) }));
    const { limiter, isStored } = limiterOn(new RedisStore({ client }));
    for (let charges = 0; charges < 60; charges++) {
      expect(await isStored()).toBe(false);
      await sleep(100);
    }
    expect(limiter.health().state).toBe('down');
    isLoading = false;
    await until('the client to be ready', () => client.status === 'ready', HEALS_WITHIN_MS);
    expect(connections).toBe(1);
  });

  it('makes `ready` reject in time, and is opened anew by it', { timeout: 60_000 }, async () => {
    proxy.mutesNewcomers = true;
    const store = new RedisStore({ client: ownClient(new Redis(proxy.url)) });
    onTestFinished(() => store.close());
    await expect(store.ready({ timeoutMs: 300 })).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
    proxy.mutesNewcomers = false;
    await store.ready({ timeoutMs: HEALS_WITHIN_MS });
  });

  it('is opened anew by limits and usage on clients of their own', { timeout: 60_000 }, async () => {
    const limits = new RedisLimits({ client: ownClient(new Redis(proxy.url)), refreshMs: 100, timeoutMs: 200 });
    const usage = new RedisUsage({ client: ownClient(new Redis(proxy.url)), timeoutMs: 200 });
    onTestFinished(async () => {
      await limits.close();
      await usage.close();
    });
    await until('the limits', () => limits.state().state === 'fresh');
    const add = () => usage.add(entriesOf([{ account: 'acme', category: 'legs', at: Date.now(), answer: 'admitted' }]));
    await add();
    proxy.mute();
    // Its answer does not come: nothing was counted, and the next one is stored.
    const failed = expect(add()).rejects.toMatchObject({ charged: 'no' });
    await until('the limits to be stale', () => limits.state().state === 'stale');
    await until('the limits to heal', () => limits.state().state === 'fresh', HEALS_WITHIN_MS);
    await failed;
    await until('usage to be stored', async () => (await add().catch(() => [0])).length === 0, HEALS_WITHIN_MS);
  });

  it('is not mistaken for one that a busy process has not read', async () => {
    // The proxy is in this process, and would be busy too.
    const client = ownClient(new Redis(server.url));
    const { isStored } = limiterOn(new RedisStore({ client, prefix: 'silent' }));
    await until('the store to decide', isStored);
    let closed = 0;
    client.on('close', () => closed++);
    const usage = new RedisUsage({ client, prefix: 'silent', timeoutMs: 60_000 });
    onTestFinished(() => usage.close());
    const charge = isStored();
    const read = usage.read('acme', 0, 1);
    await new Promise((resolve) => setImmediate(resolve));
    const busyUntil = performance.now() + 2500;
    while (performance.now() < busyUntil);
    // It looks for silence while the answers to the other two lie unread.
    const another = usage.read('acme', 0, 1);
    expect(await Promise.all([charge, read, another])).toEqual([true, [], []]);
    expect(closed).toBe(0);
  });
});

it('on a Cluster the silent node alone is connected anew', { timeout: 90_000 }, async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const account = 'acme';
  const slotOf = async (name: string) => Number(await ask(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', `{${name}}`));
  const master = await cluster.masterOf(await slotOf(account));
  const others: string[] = [];
  for (const name of ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']) {
    if ((await cluster.masterOf(await slotOf(name))) !== master) others.push(name);
  }
  expect(others.length).toBeGreaterThan(0);
  const proxy = await MuteProxy.to(master.port);
  onTestFinished(() => proxy.close());
  const natMap = { [`127.0.0.1:${master.port}`]: { host: '127.0.0.1', port: proxy.port } };
  const client = ownClient(new Cluster([...cluster.startupNodes], { natMap }));
  const { limiter, isStored } = limiterOn(new RedisStore({ client, prefix: 'silent' }));
  await until('the store to decide', () => isStored(account));
  for (const other of others) await until('the store to decide', () => isStored(other));
  let ended = 0;
  client.on('close', () => ended++);
  proxy.mute();
  await until('the shard to be down', async () => !(await isStored(account)) && limiter.health().state !== 'up');
  expect(limiter.health().state).toBe('partly-down');
  await until(
    'the shard to heal',
    async () => {
      for (const other of others) expect(await isStored(other)).toBe(true);
      return isStored(account);
    },
    HEALS_WITHIN_MS,
  );
  await until('all to be up', () => limiter.health().state === 'up');
  expect(ended).toBe(0);
});
