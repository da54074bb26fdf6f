import { RedisLimits, type RedisLimitsOptions } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterEach } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';

export interface LimitsWorld {
  server: RunningServer;
  /** A client through which a test changes the server. */
  redis: Redis;
  start(args?: readonly string[]): Promise<void>;
  client(options?: object): Redis;
  limits(options?: RedisLimitsOptions): RedisLimits;
  /** Makes `count` instances and waits until they are loaded. */
  instances(count: number, options?: RedisLimitsOptions): Promise<RedisLimits[]>;
  endWith(end: () => unknown): void;
}

/** Each test has a server of its own. The server and all that the test makes end after it. */
export function limitsWorld(): LimitsWorld {
  const ends: (() => unknown)[] = [];
  const world: LimitsWorld = {
    server: undefined as unknown as RunningServer,
    redis: undefined as unknown as Redis,
    async start(args = []) {
      world.server = await RunningServer.start({ args });
      world.redis = world.client();
      const { server } = world;
      world.endWith(() => server.stop());
    },
    client(options = {}) {
      const client = new Redis(world.server.url, { ...options, retryStrategy: () => 50 });
      client.on('error', () => {});
      world.endWith(() => client.disconnect());
      return client;
    },
    limits(options = { url: world.server.url }) {
      const limits = new RedisLimits(options);
      world.endWith(() => limits.close());
      return limits;
    },
    async instances(count, options) {
      const instances = Array.from({ length: count }, () => world.limits(options));
      await Promise.all(instances.map((limits) => limits.ready()));
      return instances;
    },
    endWith(end) {
      ends.unshift(end);
    },
  };
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  return world;
}

/** The codes of this process's warnings from now on. */
export function warningsOf(world: LimitsWorld): (string | undefined)[] {
  const codes: (string | undefined)[] = [];
  const hear = (warning: Error & { code?: string }) => codes.push(warning.code);
  process.on('warning', hear);
  world.endWith(() => process.off('warning', hear));
  return codes;
}

export async function all(limits: RedisLimits) {
  const listed = [];
  for await (const one of limits.list()) listed.push(one);
  return listed.sort((a, b) => (a.account < b.account ? -1 : 1));
}

/** Waits until the check passes, which it tries every millisecond. Returns the wait in ms. */
export async function msUntil(check: () => boolean, withinMs = 5000): Promise<number> {
  const startedAt = performance.now();
  while (!check()) {
    if (performance.now() - startedAt > withinMs) throw new Error(`in vain for ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - startedAt;
}

/** The limit of the first quota of a category, in an instance's copy. */
export function limitOf(limits: RedisLimits, account: string, category = 'legs'): number | undefined {
  const layer = limits.layerOf(account);
  if (layer instanceof Promise) throw new Error('not loaded');
  return layer?.categories.get(category)?.quotas?.[0]?.limit;
}
