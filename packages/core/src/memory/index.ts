export {
  type Admission,
  countersOf,
  MemoryStore,
  type MemoryStoreOptions,
  type MemoryStoreStats,
} from './memory-store.js';
export type { ScratchOutcome } from './scratch-outcome.js';
