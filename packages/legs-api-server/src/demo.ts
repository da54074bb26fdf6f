import { setTimeout as sleep } from 'node:timers/promises';
import { type AccountLayer, defineAccountLayer, RateLimiter } from '@tollgate/core';
import { RedisLimits, type RedisStore } from '@tollgate/redis';
import { showBurst } from './demo-burst.js';
import { clientOf, Disproved } from './demo-client.js';
import { showLimit } from './demo-limit.js';
import { showObserved } from './demo-observed.js';
import { showOutage, showRecovery } from './demo-outage.js';
import { demoPolicy } from './demo-policy.js';
import { type Provision, showProvisioned } from './demo-provisioned.js';
import { showShared } from './demo-shared.js';
import { showThrottled } from './demo-throttled.js';
import { EXAMPLE_CREDENTIALS } from './gate.js';
import { OwnRedis } from './own-redis.js';
import { ServerProcess } from './server-process.js';
import { messageOf, readFlags, readFramework, readLimits, readStore } from './settings.js';
import { type Framework, startServer } from './start-server.js';

async function demo(): Promise<void> {
  const flags = readFlags(process.argv.slice(2), 'redis');
  const framework = readFramework(flags, process.env);
  // A server that stays could still know the accounts from the last time.
  const prefix = `tollgate-demo:${crypto.randomUUID()}`;
  if (!flags.redis) return playAlone(framework, readStore(process.env, prefix), readLimits(process.env, prefix));

  const redis = await OwnRedis.start();
  const environment = { REDIS_URL: redis.url };
  try {
    await playAlone(framework, readStore(environment, prefix), readLimits(environment, prefix));
    await playTogether(framework, redis);
  } finally {
    redis.end();
  }
}

/** The scenes of one server, in this process. */
async function playAlone(
  framework: Framework,
  store: RedisStore | undefined,
  limits: RedisLimits | undefined,
): Promise<void> {
  const held = new Map<string, AccountLayer>();
  const accounts = limits ?? { layerOf: (account: string) => held.get(account) };
  const provision: Provision =
    limits === undefined
      ? (account, layer) => held.set(account, defineAccountLayer(layer))
      : (account, layer) => limits.set(account, layer, { by: 'the demo' });
  const limiter = new RateLimiter({ policy: demoPolicy(), accounts, ...(store && { store }) });
  const credentials = new Map([...EXAMPLE_CREDENTIALS, ['second-key', 'second-token']]);
  try {
    if (store !== undefined) await answering(store);
    const server = await startServer({ framework, limiter, credentials, port: 0 });
    try {
      const counters = store === undefined ? '' : ' Its counters are on Redis.';
      console.log(`The Legs API on ${framework}, at ${server.origin}.${counters}\n`);
      const call = clientOf(server.origin, credentials);
      await showLimit(call);
      await showBurst(call, limiter);
      await showThrottled(call, limiter);
      await showProvisioned(4, [call], provision);
      await showObserved(call, limiter);
    } finally {
      await server.close();
    }
  } finally {
    await limiter.close();
    await limits?.close();
    await store?.close();
  }
}

/** The scenes of two servers in processes of their own, and a Redis that stands still for a while. */
async function playTogether(framework: Framework, redis: OwnRedis): Promise<void> {
  // Other settings of the shell are not for these servers.
  const environment = { REDIS_URL: redis.url, POLICY: undefined };
  const limits = new RedisLimits({ url: redis.url });
  const processes = [new ServerProcess(framework, environment), new ServerProcess(framework, environment)];
  try {
    const origins = await Promise.all(processes.map((server) => server.origin()));
    const servers = origins.map((origin) => clientOf(origin, EXAMPLE_CREDENTIALS));
    await showShared(servers);
    await showProvisioned(7, servers, (account, layer) => limits.set(account, layer, { by: 'the demo' }));
    await showOutage(servers, redis);
    await showRecovery(servers, processes, redis);
  } finally {
    for (const server of processes) server.end();
    await limits.close();
  }
}

/** The scenes are about limits on Redis, so a Redis that cannot be reached ends them before the first. */
async function answering(store: RedisStore): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await store.probe('demo');
    } catch (error) {
      if (performance.now() - startedAt > PATIENCE_MS) {
        throw new Error(`the Redis that REDIS_URL names cannot be used. ${messageOf(error)}`);
      }
      await sleep(100);
    }
  }
}

const PATIENCE_MS = 3000;

try {
  await demo();
  console.log('Every line above was checked as it happened.');
} catch (error) {
  console.error(error instanceof Disproved ? error.message : `The demo could not be played: ${messageOf(error)}`);
  process.exitCode = 1;
}
