import { perMinute } from '@tollgate/core';
import type { RedisLimits } from '@tollgate/redis';
import { beforeEach, describe, expect, it } from 'vitest';
import { all, limitOf, limitsWorld, msUntil } from './world.js';

const world = limitsWorld();
beforeEach(() => world.start());

/** For many changes at once, on a busy machine. */
const patient = () => ({ url: world.server.url, timeoutMs: 20_000 });
const legs = (limit: number) => ({ categories: { legs: [perMinute(limit)] } });

/** Changes one account again and again, and returns how long the other took to follow each change. */
async function delaysOf(writer: RedisLimits, reader: RedisLimits, changes: number): Promise<number[]> {
  const delays: number[] = [];
  for (let limit = 1; limit <= changes; limit++) {
    await writer.set('ameyo5m', legs(limit));
    delays.push(await msUntil(() => limitOf(reader, 'ameyo5m') === limit));
  }
  return delays;
}

describe('a change of limits', () => {
  it('is followed at once by every process, through its subscription', async () => {
    const [writer, reader] = await world.instances(2, { url: world.server.url, refreshMs: 60_000 });
    await expect.poll(async () => (await world.redis.pubsub('NUMSUB', 'tollgate:limits:v1'))[1]).toBe(2);
    for (const delayMs of await delaysOf(writer!, reader!, 10)) expect(delayMs).toBeLessThan(500);
  });

  it('is followed within a second although every subscription is broken again and again', async () => {
    const [writer, reader] = await world.instances(2);
    // The last one may still be in flight when the test closes its client.
    const kill = () => world.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => {});
    const killing = setInterval(kill, 5);
    world.endWith(() => clearInterval(killing));
    for (const delayMs of await delaysOf(writer!, reader!, 8)) expect(delayMs).toBeLessThan(1000);
  });

  it('is followed within a second by a user that may neither publish nor subscribe', async () => {
    await world.redis.call('ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const url = world.server.url.replace('//', '//deaf:secret@');
    const [writer, reader] = await world.instances(2, { url });
    for (const delayMs of await delaysOf(writer!, reader!, 4)) expect(delayMs).toBeLessThan(1000);
    expect(await world.redis.pubsub('CHANNELS')).toEqual([]);
    expect(reader!.state()).toMatchObject({ state: 'fresh' });
  });

  it('in a burst of many changes costs each reader few reads', async () => {
    const [one, two, reader, late] = await world.instances(4, patient());
    const before = reader!.state().reads;
    const changes = Array.from({ length: 1000 }, (_, n) => [one!, two!][n % 2]!.set(`account-${n % 300}`, legs(n + 1)));
    const startedAt = performance.now();
    await Promise.all(changes);
    await msUntil(() => [reader, late].every((limits) => limits!.state().version === 1000));
    const lastedMs = performance.now() - startedAt;
    // Hints of 10 ms share one read; the timer adds its own.
    expect(reader!.state().reads - before).toBeLessThan(20 + lastedMs / 9);
    const listed = await all(one!);
    expect(listed.length).toBe(300);
    const [newcomer] = await world.instances(1);
    for (const limits of [one, two, reader, late, newcomer]) {
      expect(limits!.state()).toMatchObject({ version: 1000, accounts: 300 });
      for (const { account, layer } of listed) {
        const { limit } = (layer.categories!['legs'] as { limit: number }[])[0]!;
        expect(limitOf(limits!, account)).toBe(limit);
      }
    }
    expect(await world.redis.llen('tollgate:limits:{v1}:log')).toBe(1000);
  });

  it('is followed by a process that missed more changes than the log has', async () => {
    const [writer] = await world.instances(1, patient());
    const client = world.client();
    const [reader] = await world.instances(1, { client, refreshMs: 60_000 });
    await writer!.set('gone', legs(1));
    await expect.poll(() => limitOf(reader!, 'gone')).toBe(1);
    client.disconnect();
    await writer!.delete('gone');
    for (let n = 0; n < 1100; n += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => writer!.set(`account-${at}`, legs(n + at + 1))));
    }
    expect(await world.redis.llen('tollgate:limits:{v1}:log')).toBe(1000);
    await client.connect();
    await msUntil(() => reader!.state().version === 1102);
    expect(reader!.state()).toMatchObject({ accounts: 100 });
    expect(reader!.layerOf('gone')).toBeUndefined();
    expect(limitOf(reader!, 'account-99')).toBe(1100);
    await expect(writer!.history({ last: 1000 })).resolves.toHaveLength(1000);
  });

  it('is in the copy of its own process when its promise resolves', async () => {
    const [limits] = await world.instances(1, { url: world.server.url, refreshMs: 60_000 });
    for (let limit = 1; limit <= 50; limit++) {
      await limits!.set('ameyo5m', legs(limit));
      expect(limitOf(limits!, 'ameyo5m')).toBe(limit);
    }
  });

  it('reaches every process while thousands of limits are loaded', async () => {
    const [writer] = await world.instances(1, patient());
    for (let n = 0; n < 3000; n += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, at) => writer!.set(`account-${n + at}`, legs(1))));
    }
    let changing = true;
    const change = (async () => {
      for (let n = 0; changing; n++) {
        await writer!.set(`account-${(n * 7) % 3000}`, legs(n + 2));
        await writer!.delete(`account-${(n * 7 + 1500) % 3000}`);
      }
    })();
    const readers = await world.instances(5, patient());
    changing = false;
    await change;
    const { version } = writer!.state();
    await msUntil(() => readers.every((reader) => reader.state().version === version));
    for (const { account, layer } of await all(writer!)) {
      const { limit } = (layer.categories!['legs'] as { limit: number }[])[0]!;
      for (const reader of readers) expect(limitOf(reader, account)).toBe(limit);
    }
    for (const reader of readers) expect(reader.state().accounts).toBe(writer!.state().accounts);
  });
});
