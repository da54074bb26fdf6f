import { perMinute } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { disconnected, paused, restarted } from './everyday-faults.js';
import { startExpress, startFastify } from './servers.js';
import { Traffic } from './traffic.js';
import {
  type Expected,
  type Fault,
  type InstanceOptions,
  keysWithoutExpiry,
  operator,
  quiet,
  report,
  World,
} from './world.js';

let server: RunningServer;
let redis: Redis;
let world: World | undefined;

beforeEach(async () => {
  server = await RunningServer.start();
  redis = operator(server.port);
});

afterEach(async () => {
  await world?.close();
  world = undefined;
  redis.disconnect();
  await server.stop();
});

const CLIENTS: Readonly<Record<string, () => Redis>> = {
  lazyConnect: () => new Redis(server.url, { lazyConnect: true }),
  enableOfflineQueue: () => new Redis(server.url, { enableOfflineQueue: false }),
  maxRetriesPerRequest: () => new Redis(server.url, { maxRetriesPerRequest: null }),
  enableAutoPipelining: () => new Redis(server.url, { enableAutoPipelining: true }),
  keyPrefix: () => new Redis(server.url, { keyPrefix: 'app:' }),
  stringNumbers: () => new Redis(server.url, { stringNumbers: true }),
  // The types of the two differ, but not in the members that are used.
  'ioredis-5': () => new Redis5(server.url) as unknown as Redis,
};

/** One instance for each way to set up a client, on the two frameworks in turn. */
function everyClient(): InstanceOptions[] {
  const stores = Object.entries(CLIENTS).map(([name, connect]): [string, InstanceOptions['store']] => {
    return [name, { client: quiet(connect()) }];
  });
  stores.push(['url', { url: server.url }]);
  return stores.map(([name, store], index) => ({ name, store, start: index % 2 === 0 ? startExpress : startFastify }));
}

async function through(fault: Fault, expected: Expected): Promise<void> {
  world = await World.start(everyClient(), { atATime: 64 });
  const seen = await world.through(fault, expected);
  expect(await keysWithoutExpiry(redis)).toEqual([]);
  report(expect.getState().currentTestName!, seen);
}

describe('a service survives, however its client is set up, that Redis', () => {
  it('is paused', async () => {
    await through(...paused(server));
  });

  it('is killed, and restarted empty', async () => {
    await through(...restarted(server));
  });

  it('breaks all connections', async () => {
    await through(...disconnected(redis));
  });
});

describe('a store on a client', () => {
  it('serves both frameworks with only `policy` and `store`, through an outage', async () => {
    for (const start of [startExpress, startFastify]) {
      const client = quiet(new Redis(server.url));
      const store = new RedisStore({ client, prefix: `faults:${start.name}` });
      const app = await start({ policy: { quotas: [perMinute(100)], onStoreFailure: 'deny' }, store });
      const traffic = new Traffic(app.origin, start.name);
      expect(await traffic.ask('calm')).toMatchObject({ status: 200, source: 'store' });
      server.pause();
      const asked = Array.from({ length: 30 }, () => traffic.ask('calm'));
      for (const { status, waitedMs } of await Promise.all(asked)) {
        expect(status).toBe(503);
        expect(waitedMs).toBeLessThan(500);
      }
      server.resume();
      await expect.poll(async () => (await traffic.ask('calm')).source).toBe('store');
      await traffic.close();
      await app.close();
      await store.close();
      client.disconnect();
    }
  });

  it('leaves the client open when it is closed', async () => {
    const client = quiet(new Redis(server.url));
    await client.ping();
    const listeners = () => client.eventNames().map((event) => [event, client.listenerCount(event)]);
    const before = listeners();
    const stores = Array.from({ length: 20 }, () => new RedisStore({ client }));
    for (const event of client.eventNames()) expect(client.listenerCount(event)).toBeLessThan(4);
    for (const store of stores) {
      await store.reset('nobody');
      await store.close();
    }
    expect(listeners()).toEqual(before);
    expect(client.status).toBe('ready');
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('closes the client that it made from a URL, also without a connection', async () => {
    const connections = async () => (String(await redis.client('LIST', 'TYPE', 'NORMAL')).match(/^id=/gm) ?? []).length;
    const store = new RedisStore({ url: server.url });
    await store.reset('nobody');
    expect(await connections()).toBe(2);
    await store.close();
    await expect.poll(connections).toBe(1);

    const lonely = new RedisStore({ url: server.url });
    await lonely.reset('nobody');
    await server.kill();
    await lonely.close();
    await server.restart();
    await expect.poll(connections).toBe(1);
  });
});
