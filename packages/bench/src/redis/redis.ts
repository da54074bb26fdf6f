import { OwnRedis } from '@tollgate/legs-api-server/own-redis';
import { Redis } from 'ioredis';
import type { BenchOptions } from '../bench-options.js';
import { measureRedisFlatness } from './flatness.js';
import { measureLatency } from './latency.js';
import { compareLayouts } from './layouts/layouts.js';
import { redisContenders } from './redis-contender.js';
import { measureServerCost } from './server-cost.js';
import { measureThroughput } from './throughput.js';

export async function measureRedis(options: BenchOptions): Promise<void> {
  await withRedis(async (client, url) => {
    const contenders = redisContenders(url);
    const prefix = `bench:${process.pid}`;
    try {
      await measureThroughput(contenders, prefix, options);
      await measureLatency(contenders, prefix, options);
      await measureServerCost(contenders, client, prefix, options);
      await measureRedisFlatness(contenders, client, prefix, options);
    } finally {
      for (const contender of contenders) await contender.end();
    }
  });
}

export async function measureLayouts(): Promise<void> {
  await withRedis(compareLayouts);
}

/** The server that `REDIS_URL` names, where every key expires by itself; else one of our own, over TCP all the same. */
async function withRedis(measure: (client: Redis, url: string) => Promise<void>): Promise<void> {
  const given = process.env['REDIS_URL'];
  const own = given === undefined || given === '' ? await OwnRedis.start() : undefined;
  const url = own?.url ?? given!;
  const client = new Redis(url);
  try {
    const [, version = 'of unknown version'] = /redis_version:(\S+)/.exec(await client.info('server')) ?? [];
    console.log(`\nRedis ${version}, ${own === undefined ? 'as REDIS_URL says' : 'of our own'}`);
    await measure(client, url);
  } finally {
    client.disconnect();
    own?.end();
  }
}
