import { RedisStore } from '@tollgate/redis';
import type { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { ScriptClock } from '../redis/script-clock.js';
import { describeStore, type StoreUnderTest } from './store.js';

export interface Backend {
  readonly client: Redis | Cluster;
  stop(): Promise<void>;
}

/** The store suite on a server of that kind. */
export function describeOn(name: string, effort: number, start: () => Promise<Backend>): void {
  describe(name, () => {
    let backend: Backend | undefined;
    let clock: ScriptClock;
    let stores = 0;

    beforeAll(async () => {
      backend = await start();
      clock = new ScriptClock();
      clock.drive(backend.client);
    }, 60_000);

    afterAll(async () => {
      backend?.client.disconnect();
      await backend?.stop();
    });

    // Refusals are remembered by the process's own clock, which no one moves here: test/redis has that.
    const makeStore = (): StoreUnderTest => {
      const prefix = `contract:${process.pid}:${stores++}`;
      const store = new RedisStore({ client: backend!.client, prefix, denyCacheSize: 0 });
      clock.nowMs = START_MS;
      return {
        store,
        time: {
          advance(ms) {
            clock.nowMs += ms;
          },
        },
        stop: () => store.close(),
      };
    };
    describeStore('RedisStore', makeStore, { records: true, throttles: true, effort });
  });
}

/** The same for every store, since slices lie on a grid. */
const START_MS = 1_800_000_000_000;
