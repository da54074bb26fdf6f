import { MemoryStore } from '@tollgate/core';
import { describePolicyChange } from '../../contract/policy-change.js';

describePolicyChange(
  'MemoryStore',
  () => {
    let now = 1e9;
    const store = new MemoryStore({ clock: () => now });
    const advance = (ms: number) => {
      now += ms;
    };
    return { store, time: { advance }, stop: () => store.close() };
  },
  { throttles: true, runs: 1000 },
);
