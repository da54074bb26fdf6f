import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const DEMO = 'packages/legs-api-server/dist/demo.js';
const MAIN = 'packages/legs-api-server/dist/main.js';
const FRAMEWORKS = ['express', 'fastify'] as const;
const withoutCurl = spawnSync('curl', ['--version']).error !== undefined;

function environment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { FRAMEWORK: _framework, PORT: _port, POLICY: _policy, ...rest } = process.env;
  return { ...rest, ...variables };
}

describe.each(FRAMEWORKS)('the demo on %s', (framework) => {
  it('tells its story and ends by itself', async () => {
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
      'Every line above was checked as it happened.',
    ]) {
      expect(stdout).toContain(line);
    }
    expect(stdout).toMatch(/Just before that, answered 1\d{3} ms later: 429\./);
    expect(stdout).toMatch(/When Retry-After was over, answered 2\d{3} ms later: 202\./);
  });
});

describe('the server', () => {
  let server: ChildProcess | undefined;
  afterEach(() => server?.kill('SIGKILL'));

  /** Starts it and waits for its greeting. */
  async function start(variables: Readonly<Record<string, string>>): Promise<string> {
    const child = spawn(process.execPath, [MAIN], { env: environment({ PORT: '0', ...variables }) });
    server = child;
    let greeting = '';
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      greeting += chunk;
      if (greeting.endsWith('\n\n') && greeting.includes('uniq')) break;
    }
    return greeting;
  }

  it.skipIf(withoutCurl).each(FRAMEWORKS)(
    'on %s, answers the lines that it prints, and ends when asked to',
    async (framework) => {
      const greeting = await start({ FRAMEWORK: framework });
      expect(greeting).toMatch(new RegExp(`on ${framework}, listening on http://127\\.0\\.0\\.1:\\d+\\.`));
      const lines = greeting.split('\n').filter((line) => line.startsWith('curl '));
      const answers: string[] = [];
      for (const line of lines) answers.push((await run('sh', ['-c', line])).stdout);
      expect(answers).toHaveLength(3);
      expect(answers[0]).toMatch(/^HTTP\/1\.1 202 .*"contact_uri":"09163816621"/s);
      expect(answers[1]).toMatch(/^HTTP\/1\.1 202 .*"bridge_sid"/s);
      // One of the hundred went to the line before.
      expect(answers[2]?.trim().split(/\s+/)).toEqual(['99', '404', '2', '429']);

      server?.kill('SIGTERM');
      expect(await once(server!, 'exit')).toEqual([0, null]);
    },
  );

  it('takes a policy as JSON', async () => {
    const greeting = await start({ POLICY: '{"quotas":[{"limit":7,"windowMs":60000}]}' });
    const origin = /listening on (\S+)\./.exec(greeting)?.[1];
    const headers = { authorization: `Basic ${Buffer.from('key:token').toString('base64')}` };
    const response = await fetch(`${origin}/v2/accounts/ameyo5m/legs`, { method: 'POST', headers });
    expect(response.headers.get('x-ratelimit-limit')).toBe('7');
  });

  it.each([
    [{ FRAMEWORK: 'koa' }, [], 'Expected FRAMEWORK to be express or fastify, got "koa"'],
    [{ PORT: '70000' }, [], 'Expected PORT to be an integer from 0 to 65535, got "70000"'],
    [{ POLICY: 'none.json' }, [], 'POLICY cannot be used: ENOENT'],
    [{ POLICY: '{"quotas":' }, [], 'POLICY cannot be used: '],
    [{ POLICY: '{"quotas":[{"limit":-1,"windowMs":1000}]}' }, [], 'Expected `policy.quotas[0].limit` to be an integer'],
    [{}, ['--express', '--fastify'], 'Expected one of --express and --fastify, got both'],
    [{}, ['--koa'], '--koa'],
  ])('with %o %o ends with 1 and says why', async (variables, args, message) => {
    const failure = run(process.execPath, [MAIN, ...args], { env: environment(variables) });
    await expect(failure).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  });
});
