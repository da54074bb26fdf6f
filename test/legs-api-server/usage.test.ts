import { once } from 'node:events';
import { entryOf } from '@tollgate/core/kit';
import { readUsage, type UsageReport } from '@tollgate/core/usage';
import { RedisUsage } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';
import { until } from '../redis-servers/standalone.js';
import { call, StartedServer } from './programs.js';

let redis: GivenOrStarted;
let client: Redis;
beforeAll(async () => {
  redis = await givenOrStarted();
  client = new Redis(redis.url);
});
afterAll(async () => {
  client?.disconnect();
  await redis?.stop();
});

/** By category, the answers other than 429 and the 429s. */
type Answers = Map<string, { admitted: number; refused: number }>;

const PATHS: Readonly<Record<string, string>> = { legs: 'legs', bridges: 'bridges', other: 'nowhere' };

it('two servers, one on Express and one on Fastify, together report exactly the requests sent to them', async () => {
  const policy = { quotas: [{ limit: 40, windowMs: 60_000 }], categories: { legs: [{ limit: 25, windowMs: 60_000 }] } };
  const start = async (framework: string) => {
    const variables = { REDIS_URL: redis.url, FRAMEWORK: framework, POLICY: JSON.stringify(policy) };
    const server = await StartedServer.start(variables);
    onTestFinished(() => server.kill());
    return server;
  };
  const servers = await Promise.all([start('express'), start('fastify')]);
  const usage = new RedisUsage({ client });
  const tag = crypto.randomUUID().slice(0, 8);
  const accounts = Array.from({ length: 8 }, (_, number) => `ameyo${tag}${number}m`);
  const sent = new Map<string, Answers>(accounts.map((account) => [account, new Map()]));

  const send = async (number: number) => {
    const account = accounts[number % accounts.length]!;
    const category = Object.keys(PATHS)[number % 3]!;
    const { status } = await call(servers[number % 2]!.origin, `${account}/${PATHS[category]}`);
    const counted = entryOf(sent.get(account)!, category, () => ({ admitted: 0, refused: 0 }));
    if (status === 429) counted.refused++;
    else counted.admitted++;
  };
  const from = Date.now();
  for (let first = 0; first < 1440; first += 40) {
    await Promise.all(Array.from({ length: 40 }, (_, offset) => send(first + offset)));
  }
  // A request without a key does not count for the account.
  await fetch(`${servers[0]!.origin}/v2/accounts/${accounts[0]}/legs`, { method: 'POST' });

  const report = (account: string) => readUsage(usage, { account, from, to: Date.now() + 60_000 });
  const agrees = ({ totals, categories }: UsageReport, answers: Answers) => {
    const reported = new Map(categories.map(({ category, admitted, refused }) => [category, { admitted, refused }]));
    const requests = [...answers.values()].reduce((sum, { admitted, refused }) => sum + admitted + refused, 0);
    return JSON.stringify([...reported].sort()) === JSON.stringify([...answers].sort()) && totals.requests === requests;
  };
  // While they run, each server sends its counts every second.
  for (const account of accounts) {
    await until(`the usage of ${account}`, async () => agrees(await report(account), sent.get(account)!));
    expect([...sent.get(account)!.values()].every(({ refused }) => refused > 0)).toBe(true);
  }
  const { nearest, refused } = await usage.top({ limit: 100 });
  for (const account of accounts) {
    expect(nearest).toContainEqual(expect.objectContaining({ account, category: 'legs', share: 1, limit: 25 }));
    expect(refused.some((row) => row.account === account)).toBe(true);
  }

  // Each server sends its last counts when it ends, so none are lost.
  for (let number = 0; number < 48; number++) await send(number);
  for (const { child } of servers) child.kill('SIGTERM');
  for (const { child } of servers) if (child.exitCode === null) await once(child, 'exit');
  for (const account of accounts) expect(agrees(await report(account), sent.get(account)!)).toBe(true);
});
