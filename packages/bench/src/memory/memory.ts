import type { BenchOptions } from '../bench-options.js';
import { measureAllocation } from './allocation.js';
import { measureBytes } from './bytes.js';
import { measureDecisions } from './decisions.js';
import { measureFlatness } from './flatness.js';

export async function measureMemory(options: BenchOptions): Promise<void> {
  await measureDecisions(options);
  await measureBytes(options);
  await measureFlatness(options);
  await measureAllocation(options);
}
