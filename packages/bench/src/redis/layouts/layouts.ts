import { setTimeout as sleep } from 'node:timers/promises';
import { Quota } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import type { Redis } from 'ioredis';
import { scriptUsec } from '../server-cost.js';
import { FIXED_WINDOWS, LISTS, RINGS } from './layout-scripts.js';

/**
 * Measures the server time of a charge with `INFO commandstats`, and the bytes of a counter with `MEMORY USAGE`. Each
 * of 200 counters gets 100 charges in 5 bursts of 20, so 100 in 60 s and 20 in 1 s admit all of them.
 */
export async function compareLayouts(client: Redis): Promise<void> {
  const prefix = `bench:${process.pid}`;
  const store = new RedisStore({ client, prefix, denyCacheSize: 0, timeoutMs: 5000 });
  const counters = [{ name: 'legs', quotas: QUOTAS.map(([limit, windowMs]) => new Quota({ limit, windowMs })) }];
  const layouts: Layout[] = [
    script(client, 'return 1', 'return {1}', () => []),
    script(client, 'fixed windows, two INCR (no sliding window)', FIXED_WINDOWS, (n) => [
      `${prefix}:f${n}:1`,
      `${prefix}:f${n}:2`,
    ]),
    script(client, 'a list of instants per quota', LISTS, (n) => [`${prefix}:l${n}:1`, `${prefix}:l${n}:2`]),
    script(client, 'rings in a string', RINGS, (n) => [`${prefix}:r${n}`]),
    {
      name: 'the store: slices in a string',
      charge: async (n) => (await store.consume(`a${n}`, counters, 1)).allowed,
      keys: (n) => [`${prefix}:v1:{a${n}}:legs`, `${prefix}:v1:{a${n}}`],
    },
  ];
  const usec = new Map<Layout, number>(layouts.map((layout) => [layout, 0]));
  for (let burst = 0; burst < 5; burst++) {
    for (const layout of layouts) {
      await client.config('RESETSTAT');
      for (let hit = 0; hit < 20; hit++) {
        for (let n = 0; n < COUNTERS; n++) {
          if (!(await layout.charge(n))) throw new Error(`${layout.name} refused a charge that fits`);
        }
      }
      usec.set(layout, usec.get(layout)! + (await scriptUsec(client)));
    }
    await sleep(1010);
  }
  console.log('Redis: server time of one charge on two quotas, and bytes of a counter after 100 charges\n');
  for (const layout of layouts) {
    let bytes = 0;
    for (const key of layout.keys(0)) bytes += Number(await client.call('MEMORY', 'USAGE', key));
    console.log(
      `  ${layout.name.padEnd(46)} ${(usec.get(layout)! / 100 / COUNTERS).toFixed(1).padStart(6)} µs ${String(bytes).padStart(6)} B`,
    );
  }
  await store.close();
}

interface Layout {
  readonly name: string;
  charge(n: number): Promise<boolean>;
  keys(n: number): string[];
}

function script(client: Redis, name: string, text: string, keys: (n: number) => string[]): Layout {
  const loaded = client.script('LOAD', text) as Promise<string>;
  return {
    name,
    keys,
    async charge(n) {
      const own = keys(n);
      const reply = await client.evalsha(await loaded, own.length, ...own, ...QUOTAS.flat());
      return (reply as number[])[0] === 1;
    },
  };
}

const QUOTAS: readonly (readonly [number, number])[] = [
  [100, 60_000],
  [20, 1000],
];
const COUNTERS = 200;
