import { perMinute, RateLimiter } from '@tollgate/core';
import { OTHER_ACCOUNTS, readUsage, type UsageOptions, type UsageQuestion } from '@tollgate/core/usage';
import { type RedisStore, RedisUsage } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { entriesOf, START_AT } from '../../contract/usage/requests.js';
import { readPage } from '../../docs/fences.js';
import { freePort, RunningServer, until } from '../../redis-servers/standalone.js';
import { hearWarnings } from '../../warnings.js';
import { redisWorld } from '../store-world.js';

const world = redisWorld();
const DAY_S = 86_400;
const charge = { account: 'ameyo5m', category: 'legs' };
const question: UsageQuestion = { account: 'ameyo5m' };

function usageOn(client: Redis = world.plain, options: { keepDays?: number; maxAccounts?: number } = {}): RedisUsage {
  world.prefix = `test-usage:${process.pid}:${crypto.randomUUID()}`;
  const usage = new RedisUsage({ client, prefix: world.prefix, ...options });
  onTestFinished(() => usage.close());
  return usage;
}

/** A limiter that stores usage beside its counters. */
function limiterOn(store: RedisStore, usage: true | UsageOptions = true) {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(5)] }, store, usage });
  onTestFinished(async () => limiter.close());
  return limiter;
}

const admitOne = (account: string, at = START_AT) => entriesOf([{ account, category: 'legs', at, answer: 'admitted' }]);

describe('a limiter on a RedisStore', () => {
  it('stores usage on that Redis, together with others that share its prefix', async () => {
    const store = world.store({ client: world.plain });
    const limiters = [limiterOn(store), limiterOn(store)];
    for (let time = 0; time < 8; time++) await limiters[time % 2]!.consume(charge);
    await limiters[0]!.close();
    expect((await limiters[1]!.usage(question)).totals).toMatchObject({ requests: 8, admitted: 5, refused: 3 });
    const usage = new RedisUsage({ client: world.plain, prefix: world.prefix });
    expect((await readUsage(usage, question)).totals.requests).toBe(8);
    const { nearest, refused } = await usage.top({ limit: 5 });
    expect(nearest).toMatchObject([{ ...charge, share: 1, used: 5, limit: 5, windowMs: 60_000 }]);
    expect(refused).toMatchObject([{ ...charge, admitted: 5, refused: 3 }]);
    await usage.close();
    // The usage does not close the store's client.
    await store.probe('ameyo5m');
  });

  it('stores usage for `keepDays` days, and everything else for minutes', async () => {
    const limiter = limiterOn(world.store({ client: world.plain }), { keepDays: 3 });
    await limiter.consume(charge);
    await limiter.usage(question);
    const keys = (await world.keys()).filter((key) => key.includes(':usage:'));
    expect(keys).toHaveLength(5);
    const today = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S;
    for (const key of keys) {
      const expiresAt = (await world.plain.call('EXPIRETIME', key)) as number;
      const untilAt = /\d{4}-\d\d-\d\d$/.test(key) ? today + 4 * DAY_S : Date.now() / 1000 + 300;
      expect(expiresAt).toBeGreaterThan(untilAt - 60);
      expect(expiresAt).toBeLessThanOrEqual(untilAt + 1);
    }
  });
});

it('a limiter on a RedisStore stores what another process has settled, and debits', async () => {
  const store = world.store({ client: world.plain });
  const [charging, settling] = [limiterOn(store), limiterOn(store)];
  const { receipt } = await charging.consume({ ...charge, cost: 5 });
  const text = String(receipt);
  expect([await settling.settle(text, 2), await charging.settle(text, 2)]).toEqual([true, false]);
  await settling.debit({ ...charge, cost: 9 });
  await charging.close();
  expect((await settling.usage(question)).totals).toMatchObject({
    ...{ requests: 1, admitted: 1 },
    corrections: { count: 2, refundedUnits: 3, debitedUnits: 9 },
  });
});

describe('RedisUsage', () => {
  it('stores one hash for each account and day, with a field for each hour and category', async () => {
    const usage = usageOn();
    for (const at of [START_AT, START_AT + 60_000, START_AT + 3_600_000]) await usage.add(admitOne('ameyo5m', at));
    const day = new Date(START_AT).toISOString().slice(0, 10);
    expect(await world.plain.hgetall(`${world.prefix}:usage:{ameyo5m}:v1:${day}`)).toEqual({
      '0': '1',
      '0:legs': ' 0,1,0,0,1 1,1,0,0,1',
      '1': '1',
      '1:legs': ' 0,1,0,0,1',
    });
  });

  it('stores corrections in fields of their own, beside requests as they were stored before', async () => {
    const usage = usageOn();
    const corrections = { count: 1, refundedUnits: 6, debitedUnits: 0 };
    const [entry] = admitOne('ameyo5m');
    for (let time = 0; time < 2; time++) await usage.add([{ ...entry!, corrections }]);
    // An account may have corrections alone.
    const debited = { count: 1, refundedUnits: 0, debitedUnits: 90 };
    const none = { admitted: 0, seconds: [], corrections: debited };
    await usage.add([{ ...entry!, ...none, minuteAt: START_AT + 60_000 }]);
    await usage.add([{ ...entry!, ...none, category: 'a b:c', minuteAt: START_AT + 3_600_000 }]);
    const day = new Date(START_AT).toISOString().slice(0, 10);
    expect(await world.plain.hgetall(`${world.prefix}:usage:{ameyo5m}:v1:${day}`)).toEqual({
      '0': '1',
      '0:legs': ' 0,2,0,0,2 1,0,0,0,0',
      'c0:legs': ' 0,2,12,0 1,1,0,90',
      '1': '1',
      '1:a%0020b%003ac': ' 0,0,0,0,0',
      'c1:a%0020b%003ac': ' 0,1,0,90',
    });
  });

  it('reads days without corrections, and those whose corrections it cannot read', async () => {
    const usage = usageOn();
    const [entry] = admitOne('ameyo5m');
    await usage.add([entry!]);
    const [key] = (await world.keys()).filter((key) => /:v1:\d{4}-\d\d-\d\d$/.test(key));
    const read = async () => (await usage.read('ameyo5m', START_AT, START_AT + 60_000))[0]!;
    expect((await read()).corrections).toBeUndefined();
    const spoilt = ['garbage', ' 0,1,2', ' 0,-1,2,3', ' 0,1,2,3,4', ' 0,1,99999999999999999999,3', ' 99,1,2,3', '\0'];
    for (const text of spoilt) {
      await world.plain.hset(key!, 'c0:legs', text);
      expect(await read()).toMatchObject({ admitted: 1, corrections: undefined });
    }
    // Without requests of its minute, nothing says that there were corrections.
    await world.plain.hset(key!, 'c0:legs', ' 5,1,2,3', 'c5:legs', ' 0,1,2,3', 'c:legs', ' 0,1,2,3');
    expect(await usage.read('ameyo5m', START_AT, START_AT + 86_400_000)).toMatchObject([{ corrections: undefined }]);
  });

  it('counts corrections up to the largest number that is exact', async () => {
    const usage = usageOn();
    const [entry] = admitOne('a');
    const most = Number.MAX_SAFE_INTEGER;
    for (const units of [5, most - 1, most, 1e21]) {
      const corrections = { count: 1, refundedUnits: units, debitedUnits: units };
      expect(await usage.add([{ ...entry!, corrections }])).toEqual([]);
    }
    expect(await usage.read('a', START_AT, START_AT + 1)).toMatchObject([
      { admitted: 4, corrections: { count: 4, refundedUnits: most, debitedUnits: most } },
    ]);
  });

  it('keeps the corrections of accounts that lose their place to a crowd, and of those that get none', async () => {
    const usage = usageOn(world.plain, { maxAccounts: 100 });
    const corrections = { count: 1, refundedUnits: 2, debitedUnits: 3 };
    let invented = 0;
    for (let batch = 0; batch < 10; batch++) {
      const crowd = Array.from({ length: 100 }, (_, index) => {
        const [entry] = admitOne(`invented ${invented++}`);
        const none = { admitted: 0, seconds: [] };
        return { ...entry!, ...(index % 2 === 0 && none), corrections };
      });
      expect(await usage.add(crowd)).toEqual([]);
    }
    const sum = { count: 0, refundedUnits: 0, debitedUnits: 0 };
    const accounts = [OTHER_ACCOUNTS, ...Array.from({ length: invented }, (_, number) => `invented ${number}`)];
    for (const account of accounts) {
      for (const { corrections } of await usage.read(account, START_AT, START_AT + 60_000)) {
        sum.count += corrections!.count;
        sum.refundedUnits += corrections!.refundedUnits;
        sum.debitedUnits += corrections!.debitedUnits;
      }
    }
    expect(sum).toEqual({ count: 1000, refundedUnits: 2000, debitedUnits: 3000 });
    const days = (await world.keys()).filter((key) => /:v1:\d{4}-\d\d-\d\d$/.test(key));
    expect(days.length).toBeLessThanOrEqual(101);
  });

  it('keeps the busy accounts apart from a crowd of invented ones, in bounded keys, and loses no request', async () => {
    const usage = usageOn(world.plain, { maxAccounts: 100 });
    const busy = ['acme', 'globex', '@initech', '@:192.0.2.1'];
    const requestsAt = (at: number) =>
      busy.flatMap((account) =>
        Array.from({ length: 20 }, () => ({ account, category: 'legs', at, answer: 'admitted' }) as const),
      );
    let invented = 0;
    for (let minute = 0; minute < 20; minute++) {
      const at = START_AT + minute * 60_000;
      expect(await usage.add(entriesOf(requestsAt(at)))).toEqual([]);
      for (let batch = 0; batch < 10; batch++) {
        const crowd = Array.from({ length: 100 }, (_, index) => {
          const answer = index % 2 === 0 ? ('admitted' as const) : ('refused' as const);
          return {
            account: `invented ${invented++}`,
            category: index % 3 === 0 ? 'legs' : 'calls',
            at: at + index * 600,
            answer,
          };
        });
        expect(await usage.add(entriesOf(crowd))).toEqual([]);
      }
    }
    const requests = async (account: string) => {
      const minutes = await usage.read(account, START_AT, START_AT + 3_600_000);
      return minutes.reduce((sum, { admitted, refused }) => sum + admitted + refused, 0);
    };
    for (const account of busy) expect(await requests(account)).toBe(400);
    const days = (await world.keys()).filter((key) => /:v1:\d{4}-\d\d-\d\d$/.test(key));
    expect(days.length).toBeLessThanOrEqual(101);
    let left = 0;
    for (let number = 0; number < invented; number++) left += await requests(`invented ${number}`);
    const others = await readUsage(usage, { account: OTHER_ACCOUNTS, from: START_AT, to: START_AT + 3_600_000 });
    expect(left + others.totals.requests).toBe(invented);
    expect(others.categories.map(({ category }) => category).sort()).toEqual(['calls', 'legs']);
  });

  it('takes bounded bytes for a million invented accounts, and reports the busy ones', {
    timeout: 300_000,
  }, async () => {
    const server = await RunningServer.start();
    onTestFinished(() => server.stop());
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
    const clock = () => START_AT + 30_000;
    const usage = usageOn(client, { maxAccounts: 1000 });
    const limiter = new RateLimiter({
      policy: { quotas: 'unlimited' },
      usage: { store: usage, maxEntries: 5000, flushMs: 60_000, clock },
    });
    onTestFinished(async () => limiter.close());
    const span = { from: START_AT, to: START_AT + 60_000 };
    const requests = async (account: string) => (await limiter.usage({ account, ...span })).totals.requests;
    const busy = Array.from({ length: 50 }, (_, index) => `busy ${index}`);
    const before = await used();
    let sent = 0;
    const consume = (account: string) => {
      limiter.consume({ account, category: 'legs' });
      sent++;
    };
    for (let number = 0; number < 1_000_000; number++) {
      const account = `invented ${number}`;
      // Every fifth sends two requests, so that it is no single one.
      for (let time = number % 5 === 0 ? 2 : 1; time > 0; time--) consume(account);
      if (number % 500 === 0) for (const account of busy) consume(account);
      if (number % 50_000 === 0) await requests('flushed');
    }
    for (const account of busy) expect(await requests(account)).toBeGreaterThan(1950);
    expect(limiter.stats().usage).toEqual({ pending: 0, stored: sent, dropped: 0, lost: 0 });
    expect((await used()) - before).toBeLessThan(3_000_000);
    const prefix = world.prefix;
    const keys: string[] = [];
    for await (const some of client.scanStream({ match: `${prefix}:usage:*`, count: 1000 })) keys.push(...some);
    const accounts = keys
      .map((key) => /\{(.*)\}:v1:\d{4}-\d\d-\d\d$/.exec(key)?.[1])
      .filter((name) => name !== undefined);
    expect(accounts.length).toBeLessThanOrEqual(1001);
    let total = 0;
    for (const name of accounts) total += await requests(name.replaceAll('%0020', ' '));
    expect(total).toBe(sent);
  });

  it('gives an account a place that becomes busy after the crowd', async () => {
    const usage = usageOn(world.plain, { maxAccounts: 100 });
    const crowd = Array.from({ length: 3000 }, (_, index) => admitOne(`invented ${index}`)[0]!);
    for (let from = 0; from < crowd.length; from += 100) await usage.add(crowd.slice(from, from + 100));
    for (let minute = 0; minute < 60; minute++) {
      const request = {
        account: 'late',
        category: 'legs',
        at: START_AT + minute * 60_000,
        answer: 'admitted',
      } as const;
      await usage.add(entriesOf(Array.from({ length: 50 }, () => request)));
    }
    const minutes = await usage.read('late', START_AT, START_AT + 3_600_000);
    expect(minutes.length).toBeGreaterThan(30);
  });

  it('needs only the commands that docs/usage.md names', async () => {
    const server = await RunningServer.start();
    onTestFinished(() => server.stop());
    const admin = new Redis(server.url);
    onTestFinished(() => admin.disconnect());
    const [, named] = /A role for usage\s+also needs (.*?)\.\n/s.exec(readPage('docs/usage.md'))!;
    const commands = [...named!.matchAll(/`([A-Z]+)`/g)].map(([, command]) => `+${command!.toLowerCase()}`);
    await admin.call('ACL', 'SETUSER', 'usage', 'on', '>secret', '~*', '-@all', '+info', ...commands);
    const client = new Redis(server.url.replace('//', '//usage:secret@'));
    onTestFinished(() => client.disconnect());
    const usage = usageOn(client, { maxAccounts: 100 });
    const entries = Array.from({ length: 400 }, (_, index) => admitOne(`a${index}`)[0]!);
    for (let from = 0; from < entries.length; from += 100) {
      expect(await usage.add(entries.slice(from, from + 100))).toEqual([]);
    }
    expect((await usage.read(OTHER_ACCOUNTS, START_AT, START_AT + 1))[0]?.admitted).toBeGreaterThan(100);
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    const fullest = { used: 5, limit: 5, windowMs: 60_000 };
    const refused = {
      account: 'a',
      category: 'legs',
      minuteAt: now,
      admitted: 0,
      refused: 2,
      wouldRefuse: 0,
      seconds: [],
    };
    await usage.add([{ ...refused, fullest }]);
    expect(await usage.top({ limit: 5 })).toMatchObject({ nearest: [fullest], refused: [{ refused: 2 }] });
    const log = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(log).toEqual([]);
  });

  it('counts on where the set of accounts holds something else', async () => {
    const usage = usageOn();
    const date = new Date(START_AT).toISOString().slice(0, 10);
    await world.plain.set(`${world.prefix}:usage:{!leaders}:v1:accounts:${date}`, 'x', 'EX', 60);
    expect(await usage.add(admitOne('a'))).toEqual([]);
    expect(await usage.read('a', START_AT, START_AT + 1)).toMatchObject([{ admitted: 1 }]);
  });

  it('adds the other accounts where the keys of one hold something else', async () => {
    const usage = usageOn();
    const day = new Date(START_AT).toISOString().slice(0, 10);
    await world.plain.set(`${world.prefix}:usage:{spoilt day}:v1:${day}`.replace(' ', '%0020'), 'x', 'EX', 60);
    const seconds = `${world.prefix}:usage:{spoilt}:v1:s:${START_AT / 60_000}:legs`;
    await world.plain.lpush(seconds, 'x');
    await world.plain.expire(seconds, 60);
    const entries = ['sound', 'spoilt day', 'spoilt', 'sound too'].flatMap((account) => admitOne(account));
    expect(await usage.add(entries)).toEqual([
      { entry: entries[1], counted: 'no' },
      { entry: entries[2], counted: 'no' },
    ]);
    for (const account of ['sound', 'sound too']) {
      expect(await usage.read(account, START_AT, START_AT + 1)).toMatchObject([{ admitted: 1 }]);
    }
    expect(await usage.read('spoilt', START_AT, START_AT + 1)).toEqual([]);
    await expect(usage.read('spoilt day', START_AT, START_AT + 1)).rejects.toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
    });
  });

  it('skips fields of a day that it cannot read', async () => {
    const usage = usageOn();
    await usage.add(admitOne('a'));
    const [key] = (await world.keys()).filter((key) => /:v1:\d{4}-\d\d-\d\d$/.test(key));
    await world.plain.hset(key!, {
      '25:legs': ' 1,1,1,1,1',
      other: 'x',
      '1:legs': 'garbage 99,1,1,1,1 7,5,0,0,2 8,-1,0,0,0',
    });
    const minutes = await usage.read('a', START_AT, START_AT + 86_400_000);
    expect(minutes).toMatchObject([
      { minuteAt: START_AT, admitted: 1 },
      { minuteAt: START_AT + 67 * 60_000, admitted: 5, peakPerSecond: 2 },
    ]);
  });

  it('adds nothing twice when Redis is full or read-only', async () => {
    const server = await RunningServer.start();
    onTestFinished(() => server.stop());
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    const usage = usageOn(client);
    await usage.add(admitOne('a'));
    await client.config('SET', 'maxmemory', '1');
    expect(await usage.add([...admitOne('a'), ...admitOne('b')])).toMatchObject([{ counted: 'no' }, { counted: 'no' }]);
    await client.config('SET', 'maxmemory', '0');
    await client.replicaof('127.0.0.1', String(await freePort()));
    expect(await usage.add(admitOne('a'))).toMatchObject([{ counted: 'no' }]);
    await client.replicaof('NO', 'ONE');
    expect(await usage.add(admitOne('a'))).toEqual([]);
    expect(await usage.read('a', START_AT, START_AT + 1)).toMatchObject([{ admitted: 2, peakPerSecond: 2 }]);
  });
});

describe('a Redis that is away', () => {
  const startOwn = async () => {
    const server = await RunningServer.start();
    onTestFinished(() => server.stop());
    const client = new Redis(server.url, { retryStrategy: () => 20 });
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    return { server, client, usage: usageOn(client) };
  };
  const limiterWith = (usage: RedisUsage) => {
    const limiter = new RateLimiter({ policy: { quotas: 'unlimited' }, usage: { store: usage, flushMs: 100 } });
    onTestFinished(async () => limiter.close());
    return limiter;
  };
  const consume = (limiter: RateLimiter, times: number) => {
    for (let time = 0; time < times; time++) limiter.consume(charge);
  };
  const stats = (limiter: RateLimiter) => limiter.stats().usage!;

  it('at the start receives everything once it is running', async () => {
    const port = await freePort();
    const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20 });
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    const limiter = limiterWith(usageOn(client));
    consume(limiter, 7);
    expect(stats(limiter)).toEqual({ pending: 7, stored: 0, dropped: 0, lost: 0 });
    const server = await RunningServer.start({ port });
    onTestFinished(() => server.stop());
    await until('the usage to be stored', () => stats(limiter).stored === 7);
    expect((await limiter.usage(question)).totals.requests).toBe(7);
  });

  it('because it is paused counts everything once, when it continues', async () => {
    const { client, server, usage } = await startOwn();
    const limiter = limiterWith(usage);
    consume(limiter, 1);
    await limiter.usage(question);
    server.pause();
    consume(limiter, 5);
    await until('the batch to be under way', () => client.commandQueue.length > 0);
    consume(limiter, 3);
    server.resume();
    expect((await limiter.usage(question)).totals.requests).toBe(9);
    expect(stats(limiter)).toEqual({ pending: 0, stored: 9, dropped: 0, lost: 0 });
  });

  it('does not count a request twice whose answer was lost, and reports it', async () => {
    const { client, server, usage } = await startOwn();
    const limiter = limiterWith(usage);
    // This account needs no place among the accounts of the day, so its batch is one call.
    const others = { account: OTHER_ACCOUNTS };
    const consumeOthers = (times: number) => {
      for (let time = 0; time < times; time++) limiter.consume({ ...charge, ...others });
    };
    consumeOthers(1);
    await limiter.usage(others);
    server.pause();
    consumeOthers(5);
    await until('the batch to be under way', () => client.commandQueue.length > 0);
    // The server has it in its buffer, and will count it. The client cannot find out.
    client.disconnect(true);
    await until('the answer to be lost', () => stats(limiter).lost === 5);
    consumeOthers(3);
    server.resume();
    await until('the rest to be stored', () => stats(limiter).stored === 4);
    expect((await limiter.usage(others)).totals.requests).toBe(9);
    expect(stats(limiter)).toEqual({ pending: 0, stored: 4, dropped: 0, lost: 5 });
  });

  it('loses nothing where only the place of an account was asked for', async () => {
    const { client, server, usage } = await startOwn();
    const limiter = limiterWith(usage);
    consume(limiter, 1);
    await limiter.usage(question);
    server.pause();
    consume(limiter, 5);
    await until('the question to be under way', () => client.commandQueue.length > 0);
    client.disconnect(true);
    consume(limiter, 3);
    server.resume();
    await until('all to be stored', () => stats(limiter).stored === 9);
    expect((await limiter.usage(question)).totals.requests).toBe(9);
    expect(stats(limiter)).toEqual({ pending: 0, stored: 9, dropped: 0, lost: 0 });
  });

  it('and comes back empty counts from then on', async () => {
    const { server, usage } = await startOwn();
    const limiter = limiterWith(usage);
    consume(limiter, 2);
    await limiter.usage(question);
    await server.kill();
    consume(limiter, 3);
    await server.restart();
    await until('the rest to be stored', () => stats(limiter).stored === 5);
    expect((await limiter.usage(question)).totals.requests).toBe(3);
  });

  it('makes reads fail in time, and lets close end', async () => {
    const { server, usage } = await startOwn();
    const limiter = limiterWith(usage);
    await server.kill();
    await until('the client to notice', async () => {
      try {
        await usage.read('a', 0, 1);
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
        return true;
      }
    });
    consume(limiter, 3);
    await limiter.close();
    expect(stats(limiter)).toEqual({ pending: 3, stored: 0, dropped: 0, lost: 0 });
  });
});

describe('usage that cannot be stored', () => {
  it('is reported once, with the cause, and so is that it is stored again', async () => {
    const seen = hearWarnings();
    const port = await freePort();
    const usage = new RedisUsage({ url: `redis://127.0.0.1:${port}`, prefix: 'causes', timeoutMs: 200 });
    onTestFinished(() => usage.close());
    for (let time = 0; time < 3; time++) {
      const error = await usage.add(admitOne('acme')).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'no' });
      expect(String(error.cause)).toMatch(/ECONNREFUSED/);
    }
    const server = await RunningServer.start({ port });
    onTestFinished(() => server.stop());
    await until('usage to be stored', () =>
      usage.add(admitOne('acme')).then(
        () => true,
        () => false,
      ),
    );
    await until('both warnings', () => seen.length >= 2);
    expect(seen).toEqual([
      expect.stringMatching(/^TOLLGATE_USAGE_FAILED Usage \(causes\) is not stored on Redis: connect ECONNREFUSED/),
      expect.stringMatching(/^TOLLGATE_USAGE_STORED /),
    ]);
  });
});
