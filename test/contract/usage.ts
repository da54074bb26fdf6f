import { describe } from 'vitest';
import { describeAdding } from './usage/adding.js';
import { describeCorrections } from './usage/corrections.js';
import { describeKeeping } from './usage/keeping.js';
import { describeTop } from './usage/top.js';
import type { UsageWorld } from './usage/world.js';

/** The promises of a usage store: see `usage-store.ts` of `@tollgate/core`. */
export function describeUsageStore(name: string, world: UsageWorld): void {
  describe(name, () => {
    describeAdding(world);
    describeCorrections(world);
    describeKeeping(world);
    describeTop(world);
  });
}
