import { execFile } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { scrape, total } from '../opentelemetry/exposition.js';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';
import { freePort } from '../redis-servers/standalone.js';
import { call, environment, FRAMEWORKS, MAIN, StartedServer } from './programs.js';

let redis: GivenOrStarted;
beforeAll(async () => {
  redis = await givenOrStarted();
});
afterAll(() => redis?.stop());

const servers: StartedServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.kill();
});

const PLACES = FRAMEWORKS.flatMap((framework) => ['memory', 'Redis'].map((place) => [framework, place] as const));

/** Requests all paths, 20 at a time, and counts the answers by status. */
async function send(origin: string, paths: readonly string[]): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  const waiting = [...paths];
  const worker = async () => {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const response = await call(origin, path);
      await response.text();
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  return statuses;
}

describe('METRICS_PORT', () => {
  it.each(PLACES)('makes %s count every request, with counters in %s', async (framework, place) => {
    const quotas = [{ limit: 100, windowMs: 600_000 }];
    const policy = { quotas, categories: { events: { quotas, mode: 'observe' }, actions: 'unlimited' } };
    const server = await StartedServer.start({
      FRAMEWORK: framework,
      METRICS_PORT: '0',
      POLICY: JSON.stringify(policy),
      ...(place === 'Redis' && { REDIS_URL: redis.url }),
    });
    servers.push(server);
    const [, url] = /Metrics are on (\S+)\.\n/.exec(server.printed)!;
    const accounts = Array.from({ length: 5 }, () => `ameyo${crypto.randomUUID().slice(0, 8)}m`);
    const paths = accounts.flatMap((account, index) => [
      ...Array<string>(95 + index * 5).fill(`${account}/legs`),
      ...Array<string>(110).fill(`${account}/legs/l1/external_events`),
      ...Array<string>(7).fill(`${account}/bridges/b1/actions`),
    ]);
    // Legs get 95, 100, 105, 110 and 115 requests: 495 are admitted and 30 refused.
    const statuses = await send(server.origin, paths);
    expect(statuses[429]).toBe(30);
    expect(statuses[202]).toBe(495);
    for (let stranger = 0; stranger < 3; stranger++) await fetch(`${server.origin}/v2/accounts/x/legs`);

    const samples = await scrape(url!);
    const decisions = (labels: Readonly<Record<string, string>>) => total(samples, 'decisions_total', labels);
    expect(decisions({ limiter_name: 'default' })).toBe(paths.length);
    expect(decisions({ category: 'legs', outcome: 'admitted', reason: 'admitted', source: 'store' })).toBe(495);
    expect(decisions({ category: 'legs', outcome: 'refused', reason: 'limit-reached', source: 'store' })).toBe(30);
    expect(decisions({ category: 'events', outcome: 'admitted' })).toBe(500);
    expect(decisions({ category: 'events', outcome: 'would_refuse' })).toBe(50);
    expect(decisions({ category: 'actions', outcome: 'admitted', source: 'none' })).toBe(35);
    expect(decisions({ limiter_name: 'strangers', category: 'unauthenticated' })).toBe(3);
    // Requests 80 to 100 of an account count: 16 for the first account, and 21 for each other.
    expect(total(samples, 'near_limit_decisions_total', { category: 'legs' })).toBe(16 + 4 * 21);
    expect(total(samples, 'near_limit_decisions_total', { category: 'events' })).toBe(5 * 21);
    expect(total(samples, 'store_state', { limiter_name: 'default', store_state: 'up' })).toBe(1);
    expect(total(samples, 'policy_version', { limiter_name: 'default' })).toBe(1);
    expect(JSON.stringify(samples)).not.toContain(accounts[0]);

    if (place === 'memory') {
      expect(total(samples, 'memory_counters', { limiter_name: 'default' })).toBe(10);
      expect(total(samples, 'store_call_duration_count')).toBe(0);
      return;
    }
    const hits = total(samples, 'redis_deny_cache_hits_total');
    const stored = 525 + 550;
    // All others waited for a call of the script.
    expect(total(samples, 'store_call_duration_count', { limiter_name: 'default' })).toBe(stored - hits);
    expect(total(samples, 'redis_batch_size_sum')).toBe(stored - hits);
    expect(total(samples, 'redis_pending_operations')).toBe(0);
    expect(total(samples, 'store_failures_total', { limiter_name: 'default' })).toBe(0);
  });

  it('that is taken or not a port ends the server with an error message', async () => {
    const taken = await StartedServer.start({});
    servers.push(taken);
    const cases = [
      [new URL(taken.origin).port, /EADDRINUSE/],
      ['x', /^Expected METRICS_PORT to be an integer from 0 to 65535, got "x"\n$/],
    ] as const;
    for (const [port, message] of cases) {
      const variables = { METRICS_PORT: port, PORT: String(await freePort()), REDIS_URL: redis.url };
      const stderr = await new Promise<string>((resolve, reject) => {
        execFile(process.execPath, [MAIN], { env: environment(variables), timeout: 5000 }, (error, _stdout, stderr) =>
          error?.code === 1 ? resolve(stderr) : reject(error ?? new Error('it went on')),
        );
      });
      expect(stderr).toMatch(message);
    }
  });
});
