import { MemoryStore } from '@tollgate/core';
import { runsFor } from '../effort.js';
import { describeCorrections } from './corrections.js';
import { describeSeveralParties } from './several-parties.js';
import { describeStore } from './store.js';

describeStore('MemoryStore', makeStore, { records: true, throttles: true, joins: true });
describeCorrections('MemoryStore', makeStore, runsFor(300));
describeSeveralParties('MemoryStore', makeStore, runsFor(300));

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
