import { createRequire } from 'node:module';
import type { Clock, MemoryStore, PolicyOptions, Quota } from '@tollgate/core';

export interface InMemorySettings {
  /** Admitted requests of each account in `windowMs`. */
  readonly limit: number;
  readonly windowMs: number;
  /** The number of accounts, for contenders with a bound. */
  readonly accounts: number;
  /** For Tollgate only. */
  readonly clock?: Clock;
}

export interface InMemory {
  /**
   * Decides once for each account, and returns the number of admitted requests. Each contender has its own loop, so
   * that V8 optimizes it as in a program with this contender only.
   */
  decideAll(accounts: readonly string[]): number | Promise<number>;
  /** The number of counters in memory; undefined for contenders that do not report it. */
  size?(): number;
}

/** Imports its own package, so that a process loads only one. */
export type InMemoryContender = (settings: InMemorySettings) => InMemory | Promise<InMemory>;

/** By name; the first is the floor. */
export const IN_MEMORY: Readonly<Record<string, InMemoryContender>> = {
  'Map get and set': floor,
  'tollgate RateLimiter': (settings) => ours(settings),
  'tollgate RateLimiter, throttle': (settings) => ours(settings, { policy: THROTTLE }),
  'tollgate RateLimiter, usage': (settings) => ours(settings, { usage: true }),
  'tollgate MemoryStore': oursBare,
  'tollgate MemoryStore, subjects': ourSubjects,
  'express-rate-limit': expressRateLimit,
  '@fastify/rate-limit': fastifyRateLimit,
  'rate-limiter-flexible': rateLimiterFlexible,
  hitlimit,
};

function floor({ limit }: InMemorySettings): InMemory {
  const counts = new Map<string, number>();
  return {
    decideAll(accounts) {
      let admitted = 0;
      for (const account of accounts) {
        const count = (counts.get(account) ?? 0) + 1;
        counts.set(account, count);
        if (count <= limit) admitted++;
      }
      return admitted;
    },
    size: () => counts.size,
  };
}

async function quotasOf({ limit, windowMs }: InMemorySettings): Promise<Quota[]> {
  const { Quota } = await import('@tollgate/core');
  // The second quota never refuses, so as many requests are admitted as with one window.
  return [new Quota({ limit, windowMs }), new Quota({ limit, windowMs: 1000 })];
}

async function storeOf({ accounts, clock }: InMemorySettings): Promise<MemoryStore> {
  const { MemoryStore } = await import('@tollgate/core');
  // Room for all accounts, and for the violations of each.
  return new MemoryStore({ maxCounters: Math.max(4, accounts * 2), ...(clock && { clock }) });
}

interface Variant {
  readonly policy?: Partial<PolicyOptions>;
  readonly usage?: boolean;
}

async function ours(settings: InMemorySettings, { policy, usage = false }: Variant = {}): Promise<InMemory> {
  const { RateLimiter } = await import('@tollgate/core');
  const store = await storeOf(settings);
  const limiter = new RateLimiter({ policy: { quotas: await quotasOf(settings), ...policy }, store, usage });
  return {
    decideAll(accounts) {
      let admitted = 0;
      for (const account of accounts) {
        const decision = limiter.consume({ account, category: 'legs' });
        if ('then' in decision) throw new Error('A decision in memory was a promise');
        if (decision.allowed) admitted++;
      }
      return admitted;
    },
    size: () => store.stats().counters,
  };
}

const THROTTLE: Partial<PolicyOptions> = {
  throttle: { afterViolations: 10, withinMs: 60_000, forMs: 300_000, factor: 0.5 },
};

async function oursBare(settings: InMemorySettings): Promise<InMemory> {
  const store = await storeOf(settings);
  const counters = [{ name: 'legs', quotas: await quotasOf(settings) }];
  return {
    decideAll(accounts) {
      let admitted = 0;
      for (const account of accounts) if (store.consume(account, counters, 1).allowed) admitted++;
      return admitted;
    },
    size: () => store.stats().counters,
  };
}

/** The accounts of the others are subjects of one account here. A charge takes from the account and one subject. */
async function ourSubjects(settings: InMemorySettings): Promise<InMemory> {
  const store = await storeOf(settings);
  const quotas = await quotasOf(settings);
  const account = { name: 'legs', quotas: await quotasOf({ ...settings, limit: 1_000_000_000 }) };
  return {
    decideAll(subjects) {
      let admitted = 0;
      for (const subject of subjects) {
        const counters = [account, { name: `*~leg/${subject}`, quotas, subject }];
        if (store.consume('ameyo5m', counters, 1).allowed) admitted++;
      }
      return admitted;
    },
    size: () => store.stats().counters,
  };
}

async function expressRateLimit({ limit, windowMs }: InMemorySettings): Promise<InMemory> {
  const { MemoryStore } = await import('express-rate-limit');
  const store = new MemoryStore();
  store.init({ windowMs } as Parameters<typeof store.init>[0]);
  return {
    async decideAll(accounts) {
      let admitted = 0;
      for (const account of accounts) if ((await store.increment(account)).totalHits <= limit) admitted++;
      return admitted;
    },
    size: () => store.previous.size + store.current.size,
  };
}

interface LocalStore {
  incr(
    key: string,
    callback: (error: Error | null, state: { current: number }) => void,
    windowMs: number,
    limit: number,
  ): void;
}

function fastifyRateLimit({ limit, windowMs, accounts }: InMemorySettings): InMemory {
  // The plugin does not export its store. Its default bound is 5000 accounts.
  const Local = createRequire(import.meta.url)('@fastify/rate-limit/store/LocalStore.js') as new (
    continueExceeding: boolean,
    exponentialBackoff: boolean,
    cache: number,
  ) => LocalStore;
  const store = new Local(false, false, accounts);
  return {
    decideAll(accounts) {
      let admitted = 0;
      const callback = (_: Error | null, { current }: { current: number }) => {
        if (current <= limit) admitted++;
      };
      for (const account of accounts) store.incr(account, callback, windowMs, limit);
      return admitted;
    },
  };
}

async function rateLimiterFlexible({ limit, windowMs }: InMemorySettings): Promise<InMemory> {
  const { RateLimiterMemory } = await import('rate-limiter-flexible');
  const limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1000 });
  return {
    async decideAll(accounts) {
      let admitted = 0;
      for (const account of accounts) {
        try {
          await limiter.consume(account);
          admitted++;
        } catch (refusal) {
          if (refusal instanceof Error) throw refusal;
        }
      }
      return admitted;
    },
  };
}

async function hitlimit({ limit, windowMs }: InMemorySettings): Promise<InMemory> {
  const { memoryStore } = await import('@joint-ops/hitlimit');
  const store = memoryStore();
  return {
    decideAll(accounts) {
      let admitted = 0;
      for (const account of accounts) {
        const result = store.hit(account, windowMs, limit);
        if ('then' in result) throw new Error('A decision of hitlimit in memory was a promise');
        if (result.count <= limit) admitted++;
      }
      return admitted;
    },
  };
}
