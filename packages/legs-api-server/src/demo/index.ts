import { OwnRedis } from '../own-redis.js';
import { messageOf, readFlags, readFramework, readLimits, readStore } from '../settings.js';
import { Disproved } from './client.js';
import { playOneServer } from './one-server.js';
import { playTwoServers } from './two-servers.js';

async function play(): Promise<void> {
  const flags = readFlags(process.argv.slice(2), 'redis');
  const framework = readFramework(flags, process.env);
  // A Redis that outlives the demo may still have the accounts of the last run.
  const prefix = `tollgate-demo:${crypto.randomUUID()}`;
  if (!flags.redis) return playOneServer(framework, readStore(process.env, prefix), readLimits(process.env, prefix));

  const redis = await OwnRedis.start();
  const environment = { REDIS_URL: redis.url };
  try {
    await playOneServer(framework, readStore(environment, prefix), readLimits(environment, prefix));
    await playTwoServers(framework, redis);
  } finally {
    redis.end();
  }
}

try {
  await play();
  console.log('Every line above was checked as it happened.');
} catch (error) {
  console.error(error instanceof Disproved ? error.message : `The demo could not be played: ${messageOf(error)}`);
  process.exitCode = 1;
}
