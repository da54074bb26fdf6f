import { RedisStore } from '@tollgate/redis';
import { Cluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { type RunningCluster, startCluster } from '../../redis-servers/cluster.js';
import {
  type Expected,
  type Fault,
  keysWithoutExpiry,
  operator,
  PREFIX,
  quiet,
  report,
  type Seen,
  twoInstances,
  World,
} from './world.js';

let cluster: RunningCluster;
let world: World | undefined;

beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);

afterEach(async () => {
  await world?.close();
  world = undefined;
});

afterAll(() => cluster?.stop());

async function slotOf(account: string): Promise<number> {
  return Number(await ask(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', `${PREFIX}:v1:{${account}}`));
}

async function start(): Promise<World> {
  for (const master of new Set(await Promise.all([0, 8000, 16_000].map((slot) => cluster.masterOf(slot))))) {
    await ask(master.port, 'FLUSHALL');
  }
  world = await World.start(twoInstances(() => new Cluster([...cluster.startupNodes])));
  return world;
}

async function through(fault: Fault, expected: Expected): Promise<Seen> {
  const seen = await (world ?? (await start())).through(fault, expected);
  for (const node of cluster.nodes) {
    if (!node.isRunning) continue;
    const redis = operator(node.port);
    // A replica serves its keys only to connections in READONLY mode.
    await redis.readonly();
    expect(await keysWithoutExpiry(redis)).toEqual([]);
    redis.disconnect();
  }
  report(expect.getState().currentTestName!, seen);
  return seen;
}

it('a store is ready only where every master takes its charges', async () => {
  const client = quiet(new Cluster([...cluster.startupNodes]));
  const store = new RedisStore({ client, prefix: PREFIX });
  await store.ready();
  const masters = await Promise.all([0, 8000, 16_000].map((slot) => cluster.masterOf(slot)));
  // Rights are a node's own.
  const last = masters.at(-1)!.port;
  await ask(last, 'ACL', 'SETUSER', 'default', '-zadd');
  const error = await store.ready({ timeoutMs: 500 }).catch((thrown) => thrown);
  await ask(last, 'ACL', 'SETUSER', 'default', '+zadd');
  expect(String(error.cause)).toMatch(/NOPERM|user executing the script/);
  await store.ready();
  await store.close();
  client.disconnect();
});

describe('under traffic, a cluster', () => {
  it('moves the slots of all accounts, there and back', async () => {
    await start();
    const accounts = ['calm', 'greedy', 'open', 'shut'].flatMap((kind) => [`${kind}-express`, `${kind}-fastify`]);
    const move = async () => {
      for (const account of accounts) {
        const from = await cluster.masterOf(await slotOf(account));
        const to = cluster.nodes.slice(0, 3).find((node) => node !== from)!;
        await cluster.migrateSlot(await slotOf(account), from, to);
      }
    };
    await through({ befall: move, end: move }, {});
  }, 60_000);

  it('loses a master, and its replica takes over', async () => {
    await start();
    const dead = await cluster.masterOf(await slotOf('calm-express'));
    // The replica may have missed the last charges.
    await through(
      { befall: () => dead.kill(), end: async () => void (await cluster.masterOf(await slotOf('calm-express'))) },
      { forgets: true },
    );
    expect(await cluster.masterOf(await slotOf('calm-express'))).not.toBe(dead);
  }, 60_000);
});
