import { MemoryStore } from '@tollgate/core';
import { describeStore } from './store.js';

describeStore('MemoryStore', () => {
  let now = 1e9 + 0.75;
  const store = new MemoryStore({ clock: () => now });
  return {
    store,
    time: {
      advance(ms) {
        now += ms;
      },
      stepBack(ms) {
        now -= ms;
      },
    },
    stop: () => store.close(),
  };
});
