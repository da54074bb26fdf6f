import type { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from './store-world.js';

const world = redisWorld();

/** A client of the real server whose answers to scripts come as a broken proxy would pass them on. */
function spoiling(spoil: (reply: unknown) => unknown): Redis {
  const client = new Redis(world.url);
  const send = client.sendCommand.bind(client) as (command: never, stream?: never) => Promise<unknown>;
  client.sendCommand = (async (command: { name: string }, stream?: never) => {
    const reply = await send(command as never, stream);
    return /^eval/i.test(command.name) ? spoil(reply) : reply;
  }) as never;
  return client;
}

describe('a reply of the wrong shape', () => {
  it.each([
    ['nothing', () => null],
    ['a text', () => 'OK'],
    ['too short', (reply: unknown) => (reply as unknown[]).slice(0, -1)],
    ['too long', (reply: unknown) => [...(reply as unknown[]), 1]],
    ['with a hole', (reply: unknown) => (reply as unknown[]).map((one, at) => (at === 2 ? null : one))],
    ['with words', (reply: unknown) => (reply as unknown[]).map(() => 'many')],
  ])('fails every charge of its call, and leaves open whether they counted: %s', async (_, spoil) => {
    const client = spoiling(spoil);
    const store: RedisStore = world.store({ client });
    const settled = await Promise.allSettled(['a', 'b'].map((account) => store.consume(account, counterOf(5), 1)));
    for (const one of settled) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'TOLLGATE_STORE_FAILED', charged: 'unknown' } });
    }
    expect(store.stats().pending).toBe(0);
    client.disconnect();
  });

  it('numbers that come as texts are numbers', async () => {
    const client = spoiling((reply) => (reply as unknown[]).map(String));
    const store = world.store({ client });
    expect(await store.consume('a', counterOf(5), 2)).toMatchObject({
      allowed: true,
      used: [2],
      resetAfterMs: [60_000],
    });
    client.disconnect();
  });
});
