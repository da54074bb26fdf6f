import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RunningServer } from '../../../redis-servers/standalone.js';
import { counterOf, redisWorld } from '../../store-world.js';

const world = redisWorld();

let emitted: { mock: { calls: unknown[][] } };
beforeEach(async () => {
  await world.timed.ping();
  emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

it('a reset of an account whose index is spoilt finds all of its counters, and no others', async () => {
  const store = world.store();
  const names = ['legs', '*', 'a?', 'x'.repeat(200)];
  for (const account of ['a*', 'a*b', 'ab', '[a]', 'a\\']) {
    for (const name of names) await store.consume(account, counterOf(1, 60_000, name), 1);
  }
  const all = (await world.keys()).length;
  const index = `${world.prefix}:v1:{a*}`;
  await world.plain.multi().del(index).set(index, 'x', 'PX', 60_000).exec();
  // What is there is charged as before. What is not there needs the index.
  expect(await store.consume('a*', counterOf(2), 1)).toMatchObject({ allowed: true, used: [2] });
  await expect(store.consume('a*', counterOf(1, 60_000, 'new'), 1)).rejects.toMatchObject({ concerns: 'account' });
  const both = [...counterOf(3), ...counterOf(1, 60_000, 'new')];
  await expect(store.consume('a*', both, 1)).rejects.toMatchObject({ concerns: 'account' });
  expect(await store.peek('a*', counterOf(3), 0)).toMatchObject({ used: [2] });

  await store.pardon('a*');
  expect((await world.keys()).length).toBe(all);
  await store.reset('a*');
  expect((await world.keys()).length).toBe(all - names.length - 1);
  expect((await world.keys()).filter((key) => key.startsWith(index))).toEqual([]);
  for (const name of names) {
    expect(await store.consume('a*', counterOf(1, 60_000, name), 1)).toMatchObject({ allowed: true });
  }
});

it('a pardon of an account whose index is spoilt does not forget which receipts were used as text', async () => {
  const store = world.store();
  await store.consume('a', counterOf(1), 1);
  expect(await store.receipts.claim('a', 'used', 60_000)).toBe(true);
  const index = `${world.prefix}:v1:{a}`;
  await world.plain.multi().del(index).set(index, 'x', 'PX', 60_000).exec();
  await store.pardon('a');
  await store.reset('a');
  expect(await store.receipts.claim('a', 'used', 60_000)).toBe(false);
});

it('reports a counter once until it is reset, at most 100 counters, and shortens names', async () => {
  const store = world.store({ denyCacheSize: 0 });
  const spoil = (account: string) => world.plain.set(`${world.prefix}:v1:{${account}}:legs`, 'x', 'PX', 60_000);
  const charge = async (account: string) => {
    await expect(store.consume(account, counterOf(1), 1)).rejects.toMatchObject({ charged: 'no', concerns: 'account' });
  };
  await spoil('a');
  for (let times = 0; times < 3; times++) await charge('a');
  expect(emitted.mock.calls).toHaveLength(1);
  await store.reset('a');
  await spoil('a');
  await charge('a');
  expect(emitted.mock.calls).toHaveLength(2);

  const long = 'n'.repeat(120);
  await spoil(long);
  await charge(long);
  expect(String(emitted.mock.calls[2]![0]).length).toBeLessThan(300);
  for (let n = 0; n < 200; n++) {
    await spoil(`b${n}`);
    await charge(`b${n}`);
  }
  // The last one says that no others are named.
  expect(emitted.mock.calls).toHaveLength(1 + 100 + 1);
  expect(String(emitted.mock.calls.at(-1)![0])).toBe('100 counters are spoilt on Redis. Others are not named');
});

it('a missing right is a failure of the store, and no spoilt counter', async () => {
  const server = await RunningServer.start();
  const admin = new Redis(server.url);
  try {
    for (const command of ['get', 'zadd', 'zrange']) {
      await admin.call('ACL', 'SETUSER', `no-${command}`, 'on', '>secret', '~*', '+@all', `-${command}`);
      const client = new Redis(server.url, { username: `no-${command}`, password: 'secret' });
      await client.ping();
      const store = world.store({ client });
      const charge = command === 'zrange' ? store.record('a', counterOf(3), 1, 0) : store.consume('a', counterOf(3), 1);
      if (command === 'zrange') {
        await charge;
        await expect(store.record('a', counterOf(3), 1, 0)).rejects.toMatchObject({ concerns: 'store', charged: 'no' });
      } else {
        await expect(charge).rejects.toMatchObject({ concerns: 'store', charged: 'no' });
      }
      client.disconnect();
    }
    expect(emitted.mock.calls).toEqual([]);
  } finally {
    admin.disconnect();
    await server.stop();
  }
});
