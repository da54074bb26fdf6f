import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';
import { freePort, RunningServer, until } from '../redis-servers/standalone.js';
import { call, environment, FRAMEWORKS, MAIN, run, StartedServer } from './programs.js';

describe('REDIS_URL', () => {
  let redis: GivenOrStarted;
  beforeAll(async () => {
    redis = await givenOrStarted();
  });
  afterAll(() => redis?.stop());

  const servers: StartedServer[] = [];
  const start = async (url: string, variables: Readonly<Record<string, string>> = {}): Promise<StartedServer> => {
    const server = await StartedServer.start({ REDIS_URL: url, ...variables });
    servers.push(server);
    return server;
  };
  afterEach(() => {
    for (const server of servers.splice(0)) server.kill();
  });
  /** A new account. */
  const account = () => `ameyo${crypto.randomUUID().slice(0, 8)}m`;

  it('makes two servers share a limit, also on different frameworks', async () => {
    const [one, other] = [await start(redis.url), await start(redis.url, { FRAMEWORK: 'fastify' })];
    expect(one.printed).toContain('Counters are on Redis');
    const path = `${account()}/legs`;
    const remaining: (string | null)[] = [];
    for (let number = 0; number < 4; number++) {
      const response = await call((number % 2 === 0 ? one : other).origin, path);
      remaining.push(response.headers.get('x-ratelimit-remaining'));
    }
    expect(remaining).toEqual(['99', '98', '97', '96']);
  });

  it('lets a server end after SIGTERM', async () => {
    const { child, origin } = await start(redis.url);
    await call(origin, `${account()}/legs`);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('lets a server whose port is taken exit with 1', async () => {
    const { origin } = await start(redis.url);
    const variables = environment({ REDIS_URL: redis.url, PORT: new URL(origin).port });
    const failure = run(process.execPath, [MAIN], { env: variables });
    await expect(failure).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('EADDRINUSE') });
  });

  it.each(FRAMEWORKS)('lets a server on %s start while Redis is down', async (framework) => {
    const port = await freePort();
    const server = await start(`redis://127.0.0.1:${port}`, {
      FRAMEWORK: framework,
      POLICY: '{"quotas":[{"limit":6,"windowMs":60000}]}',
    });
    const path = `${account()}/legs`;
    const statuses: number[] = [];
    for (let number = 0; number < 7; number++) statuses.push((await call(server.origin, path)).status);
    expect(statuses).toEqual([202, 202, 202, 202, 202, 202, 429]);
    await until('the server to notice', () => server.printed.includes('Redis does not answer'));

    const late = await RunningServer.start({ port });
    try {
      await until('the server to notice again', () => server.printed.includes('Redis answers again'));
      // Redis now counts the requests admitted before it started, for every server.
      expect((await call(server.origin, path)).status).toBe(429);
      const other = await start(late.url, { POLICY: '{"quotas":[{"limit":6,"windowMs":60000}]}' });
      expect((await call(other.origin, path)).status).toBe(429);
    } finally {
      await late.stop();
    }
  });
});
