import type { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();

/** A client of the real server that spoils the replies to scripts, as a broken proxy might. */
function spoiling(spoil: (reply: Buffer) => unknown): Redis {
  const client = new Redis(world.url);
  const send = client.sendCommand.bind(client) as (command: never, stream?: never) => Promise<unknown>;
  client.sendCommand = (async (command: { name: string }, stream?: never) => {
    const reply = await send(command as never, stream);
    return /^eval/i.test(command.name) ? spoil(reply as Buffer) : reply;
  }) as never;
  return client;
}

describe('a reply of the wrong shape', () => {
  it.each([
    ['nothing', () => null],
    ['a text', () => 'OK'],
    ['other bytes', () => Buffer.from('OK')],
    ['empty', () => Buffer.alloc(0)],
    [
      'numbers',
      (reply: Buffer) => Array.from({ length: reply.length / 8 }, (_, place) => reply.readDoubleLE(8 * place)),
    ],
    ['as a text', (reply: Buffer) => reply.toString()],
    ['short of a byte', (reply: Buffer) => reply.subarray(0, -1)],
    ['short of a number', (reply: Buffer) => reply.subarray(0, -8)],
    ['with one more number', (reply: Buffer) => Buffer.concat([reply, Buffer.alloc(8)])],
    [
      'with a number that is not finite',
      (reply: Buffer) => Buffer.concat([reply.subarray(0, -8), Buffer.alloc(8, 255)]),
    ],
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
});
