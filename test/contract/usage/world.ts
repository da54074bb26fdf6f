import type { UsageStore } from '@tollgate/core/usage';
import { onTestFinished } from 'vitest';

/** Makes new stores. `effort` is the share of the random cases that a slow store plays. */
export interface UsageWorld {
  readonly effort: number;
  make(): UsageStore;
}

/** A new store, which closes after the test. */
export function freshStore({ make }: UsageWorld): UsageStore {
  const store = make();
  onTestFinished(async () => {
    await store.close();
  });
  return store;
}
