import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ask } from '../redis-servers/ask.js';
import { freePort, RunningServer } from '../redis-servers/standalone.js';
import { started, tollgate } from './tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

const COMMANDS = [
  ['limits', 'list'],
  ['limits', 'set', 'a', '--quotas', '1/s'],
  ['limits', 'suspend', '--reason', 'x'],
  ['peek', 'a', '--category', 'legs'],
  ['reset', 'a', '--all'],
  ['usage', 'a'],
  ['top', '--once'],
] as const;

describe('while Redis is down', () => {
  it('every command ends with 3 and one line', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    for (const ended of await Promise.all(COMMANDS.map((args) => tollgate([...args, '--redis', url])))) {
      expect(ended).toMatchObject({
        code: 3,
        stdout: '',
        stderr: `tollgate: Redis at ${url} cannot be reached: connect ECONNREFUSED ${url.slice('redis://'.length)}\n`,
      });
    }
  });

  it('every command waits for --timeout when Redis does not answer', async () => {
    server.pause();
    try {
      const all = COMMANDS.map((args) => tollgate([...args, '--redis', server.url, '--timeout', '300']));
      for (const ended of await Promise.all(all)) {
        expect(ended).toMatchObject({
          code: 3,
          stdout: '',
          stderr: `tollgate: Redis at ${server.url} cannot be reached: no answer within 300 ms\n`,
        });
      }
    } finally {
      server.resume();
    }
  });

  it('no command decides without Redis when it accepts connections but runs no script', async () => {
    await ask(server.port, 'CLIENT', 'PAUSE', 60_000, 'WRITE');
    try {
      for (const args of COMMANDS) {
        const { code, stdout, stderr } = await tollgate([...args, '--redis', server.url, '--timeout', '300']);
        expect([code, stdout]).toEqual([3, '']);
        expect(stderr).toMatch(/^tollgate: Redis at \S+ failed.*: .*300 ms.*\n$/);
      }
    } finally {
      await ask(server.port, 'CLIENT', 'UNPAUSE');
    }
  });

  it('an interrupt ends a command without output', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const connected = once(silent, 'connection');
    const { child, ended } = started(['limits', 'list', '--redis', `redis://127.0.0.1:${port}`, '--timeout', '60000']);
    await connected;
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: null, signal: 'SIGINT', stdout: '', stderr: '' });
    silent.close();
  });
});

describe('an error of Redis', () => {
  const secret = 'p%40ss:w/rd'.replaceAll('/', '%2F');

  it('about a wrong password does not show it, and a missing password is named', async () => {
    const locked = await RunningServer.start({ args: ['--requirepass', 'another'] });
    const host = `127.0.0.1:${locked.port}`;
    const wrong = await tollgate(['limits', 'list'], { env: { REDIS_URL: `redis://:${secret}@${host}/0` } });
    expect(wrong.stderr).toMatch(
      /^tollgate: Redis at redis:\/\/127\.0\.0\.1:\d+\/0 cannot be reached: WRONGPASS .*\n$/,
    );
    expect(wrong.stderr).not.toMatch(/p@ss|p%40ss/);
    const missing = await tollgate(['limits', 'list', '--redis', `redis://${host}`]);
    expect(missing.stderr).toBe(`tollgate: Redis at redis://${host} cannot be reached: it asks for a password\n`);
    const right = await tollgate(['limits', 'list', '--redis', `redis://:another@${host}`]);
    expect([wrong.code, missing.code, right.code]).toEqual([3, 3, 0]);
    await locked.stop();
  });

  it('that repeats the command does not show the password', async () => {
    const parrot = createServer((socket) => {
      socket.on('data', (data) => {
        const commands = data.toString().replaceAll('\r\n', ' ').split('*').slice(1);
        socket.write(commands.map((command) => `-ERR unknown ${command}\r\n`).join(''));
      });
      socket.on('error', () => {});
    });
    parrot.listen(0, '127.0.0.1');
    await once(parrot, 'listening');
    const { port } = parrot.address() as { port: number };
    const { code, stderr } = await tollgate(['limits', 'list', '--redis', `redis://:${secret}@127.0.0.1:${port}`]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/cannot be reached: ERR unknown .*\*\*\*/);
    expect(stderr).not.toMatch(/p@ss|p%40ss/);
    parrot.close();
  });

  it('about a missing database ends the command', async () => {
    const { code, stderr } = await tollgate(['limits', 'list', '--redis', `${server.url}/99`]);
    expect(stderr).toBe(`tollgate: Redis at ${server.url}/99 cannot be reached: ERR DB index is out of range\n`);
    expect(code).toBe(3);
  });

  it.each(['http://:hunter2@x', 'hunter2', 'redis://:%zzhunter2@x'])(
    'does not show %s, which is not the URL of a Redis',
    async (url) => {
      const { code, stderr } = await tollgate(['peek', 'a', '--category', 'x'], { env: { REDIS_URL: url } });
      expect(stderr).toBe('tollgate: Expected --redis, or REDIS_URL, to be a redis: or rediss: URL\n');
      expect(code).toBe(2);
    },
  );
});
