import { MemoryStore } from '@tollgate/core';
import { describeStore } from './store.js';

describeStore('MemoryStore', makeStore, { records: true, throttles: true });

function makeStore() {
  let now = 1e9 + 0.75;
  const store = new MemoryStore({ clock: () => now });
  return {
    store,
    time: {
      advance(ms: number) {
        now += ms;
      },
      stepBack(ms: number) {
        now -= ms;
      },
    },
    stop: () => store.close(),
  };
}
