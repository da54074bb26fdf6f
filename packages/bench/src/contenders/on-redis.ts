import { createRequire } from 'node:module';
import type { PolicyOptions } from '@tollgate/core';
import type { Redis } from 'ioredis';

export interface OnRedisSettings {
  readonly limit: number;
  readonly windowMs: number;
  /** For Tollgate only: the limit of its second quota, per second. */
  readonly perSecond: number;
  /** For Tollgate only: what it decides beside the quotas. */
  readonly also?: Also;
  /** Begins every key. */
  readonly prefix: string;
}

export interface OnRedis {
  /** Whether the account's request is admitted. */
  decide(account: string): boolean | Promise<boolean>;
  close?(): unknown;
}

export type Also = 'total' | 'throttle' | 'service' | 'subject';

/** A total, a service and subjects that are never full, and a throttle without violations. */
const ALSO: Readonly<Record<Also, Partial<PolicyOptions>>> = {
  total: { total: [{ limit: 1_000_000_000, windowMs: 60_000 }] },
  service: { service: { quotas: [{ limit: 1_000_000_000, windowMs: 1000 }] } },
  subject: { each: { leg: { quotas: [{ limit: 1_000_000_000, windowMs: 60_000 }] } } },
  throttle: { throttle: { afterViolations: 10, withinMs: 60_000, forMs: 300_000, factor: 0.5 } },
};

/** Uses the connected client, or a client of its own for `url`. Each imports its own package. */
type OnRedisContender = (client: Redis, url: string, settings: OnRedisSettings) => OnRedis | Promise<OnRedis>;

export const FLOORS: Readonly<Record<string, OnRedisContender>> = {
  PING: (client) => ({ decide: async () => (await client.ping()) === 'PONG' }),

  'EVALSHA return 1': async (client) => {
    const sha = (await client.script('LOAD', 'return 1')) as string;
    return { decide: async () => (await client.evalsha(sha, 0)) === 1 };
  },
};

/** The only contender that batches charges itself, so its client does not pipeline. */
export const OURS = 'tollgate';

export const ON_REDIS: Readonly<Record<string, OnRedisContender>> = {
  [OURS]: async (client, _url, { limit, windowMs, perSecond, prefix, also }) => {
    const { Quota, RateLimiter } = await import('@tollgate/core');
    const { RedisStore } = await import('@tollgate/redis');
    const store = new RedisStore({ client, prefix, timeoutMs: 5000 });
    const quotas = [new Quota({ limit, windowMs }), new Quota({ limit: perSecond, windowMs: 1000 })];
    const more: Partial<PolicyOptions> = also === undefined ? {} : ALSO[also];
    const limiter = new RateLimiter({ policy: { quotas, ...more }, store });
    const allowed = (decision: { readonly allowed: boolean; readonly source: string }) => {
      if (decision.source !== 'store') throw new Error(`A decision was made by ${decision.source}, not by the store`);
      return decision.allowed;
    };
    return {
      decide(account) {
        // As many legs as accounts, each with a name that comes out of the request.
        const subjects = also === 'subject' ? { leg: `leg of ${account}` } : undefined;
        const decision = limiter.consume({ account, category: 'legs', ...(subjects && { subjects }) });
        return 'then' in decision ? decision.then(allowed) : allowed(decision);
      },
      async close() {
        await limiter.close();
        await store.close();
      },
    };
  },

  'rate-limit-redis': async (client, _url, { limit, windowMs, prefix }) => {
    const { RedisStore } = await import('rate-limit-redis');
    const sendCommand = (command: string, ...args: string[]) => client.call(command, ...args) as Promise<never>;
    const store = new RedisStore({ sendCommand, prefix: `${prefix}:` });
    await store.init({ windowMs } as Parameters<typeof store.init>[0]);
    return { decide: async (account) => (await store.increment(account)).totalHits <= limit };
  },

  '@fastify/rate-limit': (client, _url, { limit, windowMs, prefix }) => {
    // The plugin does not export its store.
    const Store = createRequire(import.meta.url)('@fastify/rate-limit/store/RedisStore.js') as new (
      continueExceeding: boolean,
      exponentialBackoff: boolean,
      client: Redis,
      prefix: string,
    ) => FastifyRedisStore;
    const store = new Store(false, false, client, `${prefix}:`);
    return {
      decide: (account) =>
        new Promise((resolve, reject) => {
          store.incr(
            account,
            (error, state) => (error ? reject(error) : resolve(state!.current <= limit)),
            windowMs,
            limit,
          );
        }),
    };
  },

  'rate-limiter-flexible': async (client, _url, { limit, windowMs, prefix }) => {
    const { RateLimiterRedis } = await import('rate-limiter-flexible');
    const limiter = new RateLimiterRedis({
      storeClient: client,
      keyPrefix: prefix,
      points: limit,
      duration: windowMs / 1000,
    });
    return {
      async decide(account) {
        try {
          await limiter.consume(account);
          return true;
        } catch (refusal) {
          if (refusal instanceof Error) throw refusal;
          return false;
        }
      },
    };
  },

  hitlimit: async (client, url, { limit, windowMs, prefix }) => {
    const { redisStore } = await import('@joint-ops/hitlimit/stores/redis');
    // It creates its own client; ioredis also reads options from the URL.
    const own = client.options.enableAutoPipelining ? `${url}?enableAutoPipelining=true` : url;
    const store = redisStore({ url: own, keyPrefix: `${prefix}:` });
    return {
      decide: async (account) => (await store.hit(account, windowMs, limit)).count <= limit,
      close: () => store.shutdown?.(),
    };
  },
};

interface FastifyRedisStore {
  incr(
    key: string,
    callback: (error: Error | null, state: { readonly current: number } | null) => void,
    windowMs: number,
    limit: number,
  ): void;
}
