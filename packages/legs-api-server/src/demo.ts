import { definePolicy, perMinute, perSecond, RateLimiter } from '@tollgate/core';
import { showBurst } from './demo-burst.js';
import { clientOf, Disproved } from './demo-client.js';
import { showLimit } from './demo-limit.js';
import { EXAMPLE_CREDENTIALS } from './gate.js';
import { messageOf, readFramework } from './settings.js';
import { startServer } from './start-server.js';

async function demo(): Promise<void> {
  const framework = readFramework(process.argv.slice(2), process.env);
  const policy = definePolicy({
    quotas: [perMinute(100)],
    categories: { bridges: [perMinute(100), perSecond(5, { every: 2, name: 'burst' })] },
  });
  const limiter = new RateLimiter({ policy });
  const credentials = new Map([...EXAMPLE_CREDENTIALS, ['second-key', 'second-token']]);
  const server = await startServer({ framework, limiter, credentials, port: 0 });
  console.log(`The Legs API on ${framework}, at ${server.origin}.\n`);
  try {
    const call = clientOf(server.origin, credentials);
    await showLimit(call);
    await showBurst(call, limiter);
    console.log('Every line above was checked as it happened.');
  } finally {
    await server.close();
    await limiter.close();
  }
}

try {
  await demo();
} catch (error) {
  console.error(error instanceof Disproved ? error.message : `The demo could not be played: ${messageOf(error)}`);
  process.exitCode = 1;
}
