import { Redis } from 'ioredis';
import { compareLayouts } from './redis-layouts.js';
import { measureThroughput } from './redis-throughput.js';

/** `npm run bench -- redis` measures on the server that `REDIS_URL` names, and empties none of it but its own keys. */
async function bench(what: string | undefined): Promise<void> {
  const url = process.env['REDIS_URL'];
  if (what !== 'redis' || url === undefined) {
    throw new Error('Usage: REDIS_URL=redis://127.0.0.1:6379 npm run bench -- redis');
  }
  const client = new Redis(url);
  try {
    await compareLayouts(client);
    await measureThroughput(client);
  } finally {
    client.disconnect();
  }
}

try {
  await bench(process.argv[2]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
