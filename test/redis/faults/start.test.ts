import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { freePort, RunningServer } from '../../redis-servers/standalone.js';
import { startExpress, startFastify } from './servers.js';
import { type InstanceOptions, keysWithoutExpiry, operator, quiet, report, World } from './world.js';

it('a service that starts before Redis serves without it first, then with it', async () => {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const instances: InstanceOptions[] = [
    { name: 'express', start: startExpress, store: { client: quiet(new Redis(url)) } },
    { name: 'fastify', start: startFastify, store: { client: quiet(new Redis(url, { lazyConnect: true })) } },
    { name: 'hasty', start: startFastify, store: { client: quiet(new Redis(url, { enableOfflineQueue: false })) } },
    { name: 'url', start: startExpress, store: { url } },
  ];
  const world = await World.start(instances, { up: false });
  let server: RunningServer | undefined;
  try {
    const end = async () => {
      server = await RunningServer.start({ port });
    };
    const seen = await world.through({ befall: () => {}, end }, { outage: true });
    report(expect.getState().currentTestName!, seen);
    const redis = operator(port);
    expect(await keysWithoutExpiry(redis)).toEqual([]);
    redis.disconnect();
  } finally {
    await world.close();
    await server?.stop();
  }
});
