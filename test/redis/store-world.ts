import { type CounterSpec, Quota } from '@tollgate/core';
import { RedisStore, type RedisStoreOptions } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';
import { ScriptClock } from './script-clock.js';

/** A server for the tests of one file, a client with a movable script clock, and stores with separate keys. */
export function redisWorld() {
  let server: GivenOrStarted | undefined;
  const clients: Redis[] = [];
  const stores: RedisStore[] = [];
  const world = {
    clock: new ScriptClock(),
    timed: undefined as unknown as Redis,
    plain: undefined as unknown as Redis,
    prefix: '',
    url: '',
    store(options: Partial<RedisStoreOptions> = {}): RedisStore {
      world.prefix = `test:${process.pid}:${stores.length}`;
      const store = new RedisStore({ client: world.timed, prefix: world.prefix, ...options });
      stores.push(store);
      return store;
    },
    /** All keys of the latest store. */
    async keys(): Promise<string[]> {
      const keys: string[] = [];
      for await (const some of world.plain.scanStream({ match: `${world.prefix}:*`, count: 1000 })) keys.push(...some);
      return keys.sort();
    },
  };
  beforeAll(async () => {
    server = await givenOrStarted();
    world.url = server.url;
    world.timed = world.clock.drive(new Redis(server.url));
    world.plain = new Redis(server.url);
    clients.push(world.timed, world.plain);
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    for (const client of clients) client.disconnect();
    await server?.stop();
  });
  return world;
}

/** One counter with one quota. */
export function counterOf(limit: number, windowMs = 60_000, name = 'legs'): CounterSpec[] {
  return [{ name, quotas: [new Quota({ limit, windowMs })] }];
}
