import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { RunningServer, until } from '../../redis-servers/standalone.js';
import { started, tollgate } from '../tollgate.js';

// Each command is a process, and waits for thousands of answers.
vi.setConfig({ testTimeout: 120_000 });

const INDEX = 'tollgate:v1:{acme}';
const FILL = `
for n = ARGV[1], ARGV[2] do
  redis.call('SET', KEYS[1] .. ':*~leg/L' .. n, 'x', 'PX', 600000)
  redis.call('ZADD', KEYS[1], 9e15, '*~leg/L' .. n)
end
redis.call('PEXPIRE', KEYS[1], 600000)`;

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

const keys = async () => Number(await ask(server.port, 'DBSIZE'));
const fill = async (subjects: number) => {
  await ask(server.port, 'FLUSHALL');
  for (let from = 1; from < subjects; from += 5000) {
    await ask(server.port, 'EVAL', FILL, 1, INDEX, from, from + 4999);
  }
};
const args = (command: string, ...options: string[]) => [command, 'acme', ...options, '--redis', server.url];

describe('of an account with very many subjects', () => {
  it('tollgate reset forgets all, however much longer than --timeout that takes', async () => {
    await fill(60_000);
    const beganAt = performance.now();
    const ended = await tollgate(args('reset', '--all', '--timeout', '300'));
    expect(ended).toMatchObject({ code: 0, stdout: 'Forgot all counters of acme.\n' });
    expect(performance.now() - beganAt).toBeGreaterThan(300);
    expect(await keys()).toBe(0);
  });

  it('tollgate pardon looks at all, and leaves what they have used', async () => {
    await fill(30_000);
    await ask(server.port, 'SET', `${INDEX}:!*~leg/L1`, 'x');
    await ask(server.port, 'ZADD', INDEX, '9e15', '!*~leg/L1');
    expect(await tollgate(args('pardon', '--timeout', '300'))).toMatchObject({ code: 0 });
    expect(await keys()).toBe(30_001);
    expect(await ask(server.port, 'EXISTS', `${INDEX}:!*~leg/L1`)).toBe(0);
  });

  it('tollgate reset ends with an error where Redis stops answering in the middle', async () => {
    await fill(100_000);
    const { ended } = started(args('reset', '--all'));
    await until('some to be forgotten', async () => (await keys()) < 100_000);
    server.pause();
    const { code, stderr } = await ended;
    server.resume();
    expect(stderr).toContain('failed; a change may have been made');
    expect(code).toBe(3);
    expect(await keys()).toBeGreaterThan(0);
  });
});
