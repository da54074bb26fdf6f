import type { UsageStore } from '@tollgate/core/usage';
import { onTestFinished } from 'vitest';

/** Makes a store that no one has used, and for what to run how often: 1 for a store in this process. */
export interface UsageWorld {
  readonly effort: number;
  make(): UsageStore;
}

/** A store of the test's own, closed when it ends. */
export function freshStore({ make }: UsageWorld): UsageStore {
  const store = make();
  onTestFinished(async () => {
    await store.close();
  });
  return store;
}
