import { RedisUsage } from '@tollgate/redis';
import { Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterAll, beforeAll, describe } from 'vitest';
import { startCluster } from '../redis-servers/cluster.js';
import { givenOrStarted } from '../redis-servers/given-or-started.js';
import { describeUsageStore } from './usage.js';

interface Backend {
  readonly client: Redis | Redis5 | Cluster;
  stop(): Promise<void>;
}

const backends: Record<string, { readonly effort: number; start(): Promise<Backend> }> = {
  'one server': {
    effort: 0.2,
    async start() {
      const server = await givenOrStarted();
      return { client: new Redis(server.url), stop: () => server.stop() };
    },
  },
  'one server, by ioredis 5 and with a key prefix': {
    effort: 0.05,
    async start() {
      const server = await givenOrStarted();
      return { client: new Redis5(server.url, { keyPrefix: 'shop:' }), stop: () => server.stop() };
    },
  },
  'a cluster': {
    effort: 0.1,
    async start() {
      const cluster = await startCluster();
      return { client: new Cluster([...cluster.startupNodes]), stop: () => cluster.stop() };
    },
  },
};

describe.each(Object.entries(backends))('%s', (_, { effort, start }) => {
  let backend: Backend | undefined;
  let stores = 0;
  beforeAll(async () => {
    backend = await start();
  }, 60_000);
  afterAll(async () => {
    backend?.client.disconnect();
    await backend?.stop();
  });
  const make = () =>
    new RedisUsage({ client: backend!.client, prefix: `contract-usage:${process.pid}:${effort}:${stores++}` });
  describeUsageStore('RedisUsage', { effort, make });
});
