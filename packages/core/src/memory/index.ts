export type { Admission } from './charging.js';
export {
  countersOf,
  MemoryStore,
  type MemoryStoreOptions,
  type MemoryStoreStats,
} from './memory-store.js';
export type { ScratchOutcome } from './scratch-outcome.js';
