import { RedisStore } from '@tollgate/redis';
import { afterAll, beforeAll } from 'vitest';
import { TimedRedis } from '../redis/timed-client.js';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';
import { describeStore } from './store.js';

let server: GivenOrStarted;
let client: TimedRedis;
let stores = 0;

beforeAll(async () => {
  server = await givenOrStarted();
  client = new TimedRedis(server.url);
});

afterAll(async () => {
  client?.disconnect();
  await server?.stop();
});

// Refusals are remembered by the process's own clock, which no one moves here: test/redis has that.
describeStore(
  'RedisStore',
  () => {
    const store = new RedisStore({ client, prefix: `contract:${process.pid}:${stores++}`, denyCacheSize: 0 });
    client.nowMs = START_MS;
    return {
      store,
      time: {
        advance(ms) {
          client.nowMs += ms;
        },
      },
      stop: () => store.close(),
    };
  },
  { records: true, effort: 0.25 },
);

/** The same for every store, since slices lie on a grid. */
const START_MS = 1_800_000_000_000;
