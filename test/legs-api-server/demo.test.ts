import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { call, DEMO, environment, FRAMEWORKS, MAIN, run, StartedServer } from './programs.js';

const withoutCurl = spawnSync('curl', ['--version']).error !== undefined;

describe.each(FRAMEWORKS)('the demo on %s', (framework) => {
  it('plays every scene of one server, and ends', async () => {
    const { stdout, stderr } = await run(process.execPath, [DEMO, `--${framework}`], { env: environment({}) });
    expect(stderr).toBe('');
    for (const line of [
      `The Legs API on ${framework}`,
      '100 times: 100 admitted',
      'HTTP/1.1 429 Too Many Requests',
      '"code":"RATE_LIMIT_EXCEEDED"',
      'another category: 202',
      'another account: 202',
      '5 admitted with 202, the 6th refused with 429 and Retry-After: 2.',
      'With the fifth refusal X-RateLimit-Limit went from 10 to 2',
      'the server admits it again, with 5899 of 6000 left',
      'The limiter reports 3 that it would have refused.',
      '3 admitted, the 4th refused by the limit of its leg',
      'One hangs up, is settled at 1, and it is admitted.',
      '100 wrong tokens are answered with 401, and the next with 429.',
      'Every line above was checked as it happened.',
    ]) {
      expect(stdout).toContain(line);
    }
    expect(stdout).toMatch(/Just before that, answered 1\d{3} ms later: 429\./);
    expect(stdout).toMatch(/When Retry-After was over, answered 2\d{3} ms later: 202\./);
  });
});

describe('the server', () => {
  let server: StartedServer | undefined;
  afterEach(() => server?.kill());

  it.skipIf(withoutCurl).each(FRAMEWORKS)(
    'on %s, answers the commands that it prints, and ends after SIGTERM',
    async (framework) => {
      server = await StartedServer.start({ FRAMEWORK: framework });
      const greeting = server.printed;
      expect(greeting).toMatch(new RegExp(`on ${framework}, listening on http://127\\.0\\.0\\.1:\\d+\\.`));
      const lines = greeting.split('\n').filter((line) => line.startsWith('curl '));
      const answers: string[] = [];
      for (const line of lines) answers.push((await run('sh', ['-c', line])).stdout);
      expect(answers).toHaveLength(3);
      expect(answers[0]).toMatch(/^HTTP\/1\.1 202 .*"contact_uri":"09163816621"/s);
      expect(answers[1]).toMatch(/^HTTP\/1\.1 202 .*"bridge_sid"/s);
      // The command before has used one of the hundred.
      expect(answers[2]?.trim().split(/\s+/)).toEqual(['99', '404', '2', '429']);

      server.child.kill('SIGTERM');
      expect(await once(server.child, 'exit')).toEqual([0, null]);
    },
  );

  it('uses a policy in JSON', async () => {
    server = await StartedServer.start({ POLICY: '{"quotas":[{"limit":7,"windowMs":60000}]}' });
    const response = await call(server.origin, 'ameyo5m/legs');
    expect(response.headers.get('x-ratelimit-limit')).toBe('7');
  });

  it('uses the policy of a file, and a new one after the file changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-policy-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, 'quotas: [{ limit: 7, windowMs: 60000 }]');
    server = await StartedServer.start({ POLICY: file });
    const { origin } = server;
    const limit = async () => (await call(origin, 'ameyo5m/legs')).headers.get('x-ratelimit-limit');
    expect(await limit()).toBe('7');
    writeFileSync(file, 'quotas: [{ limit: 9, windowMs: 60000 }]');
    await expect.poll(limit, { timeout: 10_000 }).toBe('9');
    writeFileSync(file, 'quotas: [{ limit: -9, windowMs: 60000 }]');
    await expect
      .poll(() => server!.printed, { timeout: 10_000 })
      .toMatch(/stays as it is\. .*policy\.yaml:1:\d+ Expected/);
    expect(server.printed).toContain('Another policy is in force');
    expect(await limit()).toBe('9');
  });

  it.each([
    [{ FRAMEWORK: 'koa' }, [], 'Expected FRAMEWORK to be express or fastify, got "koa"'],
    [{ PORT: '70000' }, [], 'Expected PORT to be an integer from 0 to 65535, got "70000"'],
    [{ POLICY: 'none.json' }, [], 'POLICY cannot be used: none.json cannot be read: ENOENT'],
    [{ POLICY: '{"quotas":' }, [], 'POLICY cannot be used: '],
    [{ POLICY: '{"quotas":[{"limit":-1,"windowMs":1000}]}' }, [], 'Expected `policy.quotas[0].limit` to be an integer'],
    [{ REDIS_URL: 'localhost:6379' }, [], 'Expected REDIS_URL to be a redis: or rediss: URL'],
    [{ REDIS_URL: 'redis://:secret@host:99999' }, [], 'Expected REDIS_URL to be a redis: or rediss: URL'],
    [{}, ['--express', '--fastify'], 'Expected one of --express and --fastify, got both'],
    [{}, ['--koa'], '--koa'],
    [{}, ['--redis'], '--redis'],
  ])('with %o %o exits with 1 and prints the reason', async (variables, args, message) => {
    const failure = run(process.execPath, [MAIN, ...args], { env: environment(variables) });
    await expect(failure).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  });
});
