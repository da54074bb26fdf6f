import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, RunningServer } from '../../redis-servers/standalone.js';
import { disconnected, paused, restarted } from './everyday-faults.js';
import {
  type Client,
  type Expected,
  type Fault,
  keysWithoutExpiry,
  operator,
  quiet,
  report,
  twoInstances,
  World,
} from './world.js';

let server: RunningServer;
let redis: Redis;
let world: World | undefined;

async function start(args: readonly string[] = []): Promise<void> {
  server = await RunningServer.start({ args });
  redis = operator(server.port);
}

afterEach(async () => {
  await world?.close();
  world = undefined;
  redis.disconnect();
  await server.stop();
});

const ioredis6 = () => new Redis(server.url);

async function through(fault: Fault, expected: Expected, connect: () => Client = ioredis6): Promise<void> {
  world = await World.start(twoInstances(connect));
  const seen = await world.through(fault, expected);
  expect(await keysWithoutExpiry(redis)).toEqual([]);
  report(expect.getState().currentTestName!, seen);
}

describe('under traffic, Redis', () => {
  beforeEach(() => start());

  it('is paused: connections stay open, and nothing answers', async () => {
    await through(...paused(server));
  });

  it('is killed, and restarted empty', async () => {
    await through(...restarted(server));
  });

  it('loses all keys: FLUSHALL', async () => {
    await through({ befall: () => redis.flushall() }, { forgets: true });
  });

  it('loses the scripts: SCRIPT FLUSH', async () => {
    await through({ befall: () => redis.script('FLUSH') }, {});
  });

  it('breaks all connections, again and again: CLIENT KILL', async () => {
    let again: NodeJS.Timeout;
    const kill = () => redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
    const befall = async () => {
      await kill();
      again = setInterval(kill, 50);
    };
    await through({ befall, end: () => clearInterval(again) }, {});
  });

  it('holds back all answers: CLIENT PAUSE', async () => {
    await through({ befall: () => redis.client('PAUSE', 600) }, { outage: true });
  });

  it('is full: maxmemory with noeviction', async () => {
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    const maxmemory = (bytes: number) => () => redis.config('SET', 'maxmemory', bytes);
    await through({ befall: maxmemory(1), end: maxmemory(0) }, { outage: true });
  });

  it('becomes a read-only replica: READONLY', async () => {
    const nobody = await freePort();
    const fault = {
      befall: () => redis.replicaof('127.0.0.1', nobody),
      end: () => redis.replicaof('NO', 'ONE'),
    };
    await through(fault, { outage: true });
  });

  it('suddenly asks for a password: NOAUTH', async () => {
    const befall = async () => {
      await redis.config('SET', 'requirepass', 'sesame');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
    };
    await through({ befall, end: () => redis.config('SET', 'requirepass', '') }, { outage: true });
  });

  it('suddenly has another password: WRONGPASS', async () => {
    await redis.config('SET', 'requirepass', 'sesame');
    redis.options.password = 'sesame';
    await redis.auth('sesame');
    const befall = async () => {
      await redis.config('SET', 'requirepass', 'simsim');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
    };
    const fault = { befall, end: () => redis.config('SET', 'requirepass', 'sesame') };
    const connect = () => new Redis(server.url, { password: 'sesame' });
    await through(fault, { outage: true }, connect);
  });
});

describe('under traffic, Redis', () => {
  it('is killed, and loads its data slowly: LOADING', async () => {
    await start(['--key-load-delay', '3000', '--loading-process-events-interval-bytes', '1024']);
    const many = redis.pipeline();
    for (let key = 0; key < 150; key++) many.set(`other:${key}`, 'x'.repeat(1000));
    await many.exec();
    const befall = async () => {
      await redis.save();
      await server.restart();
      const hasty = quiet(new Redis(server.url, { enableReadyCheck: false }));
      await expect(hasty.get('other:0')).rejects.toThrow('LOADING');
      hasty.disconnect();
    };
    await through({ befall }, { outage: true, forgets: true });
  });
});

describe('under traffic and with ioredis 5, Redis', () => {
  beforeEach(() => start());
  // The types of the two differ, but not in the members that are used.
  const ioredis5 = () => new Redis5(server.url) as unknown as Redis;

  it('is paused', async () => {
    await through(...paused(server), ioredis5);
  });

  it('is killed, and restarted empty', async () => {
    await through(...restarted(server), ioredis5);
  });

  it('breaks all connections', async () => {
    await through(...disconnected(redis), ioredis5);
  });
});
