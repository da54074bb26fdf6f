import { perMinute } from '@tollgate/core';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { limitOf, limitsWorld, msUntil } from './world.js';

const world = limitsWorld();
beforeEach(() => world.start());

const KEY = 'tollgate:limits:{v1}';
const legs = (limit: number) => ({ categories: { legs: [perMinute(limit)] } });

/** A client that calls `happen` when everything is read for the `turn`th time, before the first part arrives. */
function interrupted(happen: () => Promise<unknown>, turn = 1): { client: Redis; times: () => number } {
  const client = world.client();
  const send = client.sendCommand.bind(client);
  let times = 0;
  client.sendCommand = (command, stream) => {
    if (command.name.toLowerCase() !== 'hmget' || ++times !== turn) return send(command, stream);
    happen().then(() => send(command, stream));
    return command.promise;
  };
  return { client, times: () => times };
}

describe('while all limits are read', () => {
  it('a change is not missed', async () => {
    const [writer] = await world.instances(1);
    for (const account of ['a', 'b', 'c']) await writer!.set(account, legs(1));
    const { client, times } = interrupted(async () => {
      await writer!.set('b', legs(2));
      await writer!.delete('c');
      await writer!.set('d', legs(4));
      await writer!.suspend({ by: 'jo' });
    });
    const [reader] = await world.instances(1, { client, refreshMs: 60_000 });
    expect(times()).toBe(1);
    expect(reader!.state()).toMatchObject({ state: 'fresh', version: 7, accounts: 3 });
    expect(['a', 'b', 'c', 'd'].map((account) => limitOf(reader!, account))).toEqual([1, 2, undefined, 4]);
    expect(reader!.suspension?.by).toBe('jo');
  });

  it('and the log loses its end, all are read again', async () => {
    const [writer] = await world.instances(1);
    await writer!.set('a', legs(1));
    const { client, times } = interrupted(async () => {
      await writer!.set('a', legs(2));
      await world.redis.del(`${KEY}:log`);
    });
    const [reader] = await world.instances(1, { client, refreshMs: 60_000 });
    expect(times()).toBe(2);
    expect(reader!.state()).toMatchObject({ state: 'fresh', version: 2 });
    expect(limitOf(reader!, 'a')).toBe(2);
  });

  it('and Redis loses them all, the last loaded limits apply', async () => {
    const [writer] = await world.instances(1);
    await writer!.set('a', legs(1));
    await writer!.set('b', legs(2));
    // There is something to lose once they were read, and they are read again where the log is gone.
    const { client, times } = interrupted(() => world.redis.flushall(), 2);
    const [reader] = await world.instances(1, { client, refreshMs: 50 });
    expect(limitOf(reader!, 'b')).toBe(2);
    await world.redis.del(`${KEY}:log`);
    await world.redis.hset(KEY, '!version', '3 aa');
    await msUntil(() => reader!.state().state === 'lost');
    expect(times()).toBe(2);
    expect(reader!.state()).toMatchObject({ accounts: 2 });
    expect(['a', 'b'].map((account) => limitOf(reader!, account))).toEqual([1, 2]);
  });
});
