import { RedisStore } from '@tollgate/redis';
import type { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { runsFor } from '../effort.js';
import { ScriptClock } from '../redis/script-clock.js';
import { describeCorrections } from './corrections.js';
import { describeSeveralParties } from './several-parties.js';
import { describeStore, type StoreUnderTest } from './store.js';

export interface Backend {
  readonly client: Redis | Cluster;
  stop(): Promise<void>;
}

/** The store suite on a server of that kind, with every option on. */
export function describeOn(
  name: string,
  effort: number,
  start: () => Promise<Backend>,
  { joins = false }: { readonly joins?: boolean } = {},
): void {
  describeWith(name, start, (makeStore) => {
    describeStore('RedisStore', makeStore, { records: true, throttles: true, joins, effort });
    describeCorrections('RedisStore', makeStore, runsFor(Math.ceil(60 * effort)));
    describeSeveralParties('RedisStore', makeStore, runsFor(Math.ceil(60 * effort)));
  });
}

/**
 * Stores on a server of that kind. The process's clock, which the deny cache reads, is the clock of the scripts: a test
 * moves both at once.
 */
export function describeWith(
  name: string,
  start: () => Promise<Backend>,
  use: (makeStore: () => StoreUnderTest) => void,
): void {
  describe(name, () => {
    let backend: Backend | undefined;
    let clock: ScriptClock;
    let stores = 0;

    beforeAll(async () => {
      backend = await start();
      clock = new ScriptClock();
      clock.drive(backend.client);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    }, 60_000);

    afterAll(async () => {
      vi.useRealTimers();
      backend?.client.disconnect();
      await backend?.stop();
    });

    const makeStore = (): StoreUnderTest => {
      const prefix = `contract:${process.pid}:${stores++}`;
      clock.nowMs = START_MS;
      const store = new RedisStore({ client: backend!.client, prefix, clock: () => clock.nowMs });
      return {
        store,
        time: {
          async advance(ms) {
            await sendViolations(store);
            clock.nowMs += ms;
          },
        },
        stop: () => store.close(),
      };
    };
    use(makeStore);
  });
}

/** The same for every store, since slices lie on a grid. */
const START_MS = 1_800_000_000_000;

/**
 * Violations by refusals of the deny cache are counted up to 100 ms late, at the instant when they arrive. A test that
 * moves the clock by a minute would make them a minute late.
 */
async function sendViolations(store: RedisStore): Promise<void> {
  vi.advanceTimersByTime(100);
  while (store.stats().pending > 0) await new Promise(setImmediate);
}
