import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { RedisStore, RedisUsage } from '@tollgate/redis';
import { describe, expect, it, onTestFinished } from 'vitest';

const client = { call() {}, sendCommand() {}, status: 'ready', options: {}, isCluster: false };

describe('options', () => {
  it.each([
    [{}, 'TOLLGATE_OPTION_TYPE', 'client'],
    [{ client: 'redis://localhost' }, 'TOLLGATE_OPTION_TYPE', 'client'],
    [{ client, url: 'redis://localhost' }, 'TOLLGATE_OPTION_CONFLICT', 'client'],
    [{ url: 'http://localhost' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 7 }, 'TOLLGATE_OPTION_TYPE', 'url'],
    [{ url: 'redis://localhost/abc' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 'redis://localhost/1.5' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 'redis://localhost/-1' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 'redis://localhost/2/3' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 'redis://localhost?db=two' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ url: 'redis://:%ZZ@localhost' }, 'TOLLGATE_OPTION_RANGE', 'url'],
    [{ client: { ...client, options: { db: Number.NaN } } }, 'TOLLGATE_OPTION_RANGE', 'client.options.db'],
    [{ client: { ...client, options: { db: -1 } } }, 'TOLLGATE_OPTION_RANGE', 'client.options.db'],
    [{ client: { ...client, options: { db: '1' } } }, 'TOLLGATE_OPTION_TYPE', 'client.options.db'],
    [
      { client: { ...client, isCluster: true, options: { redisOptions: { db: 3 } } } },
      'TOLLGATE_OPTION_RANGE',
      'client.options.redisOptions.db',
    ],
    [{ client, prefix: '' }, 'TOLLGATE_OPTION_RANGE', 'prefix'],
    [{ client, prefix: 'a{b' }, 'TOLLGATE_OPTION_RANGE', 'prefix'],
    [{ client, timeoutMs: 0 }, 'TOLLGATE_OPTION_RANGE', 'timeoutMs'],
    [{ client, timeoutMs: '100' }, 'TOLLGATE_OPTION_TYPE', 'timeoutMs'],
    [{ client, maxBatch: 1001 }, 'TOLLGATE_OPTION_RANGE', 'maxBatch'],
    [{ client, maxPending: 0 }, 'TOLLGATE_OPTION_RANGE', 'maxPending'],
    [{ client, denyCacheSize: -1 }, 'TOLLGATE_OPTION_RANGE', 'denyCacheSize'],
    [{ client, clock: 5 }, 'TOLLGATE_OPTION_TYPE', 'clock'],
    [{ client, keyPrefix: 'x' }, 'TOLLGATE_OPTION_UNKNOWN', 'keyPrefix'],
  ])('%# are refused by name', (options, code, name) => {
    let thrown: unknown;
    try {
      new RedisStore(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(new RegExp(`\`(RedisStore\\.)?${name}`)) });
  });

  it('a password in a URL is not repeated in an error', () => {
    expect(() => new RedisStore({ url: 'http://user:secret@host' })).toThrow(/^(?!.*secret)/);
    expect(() => new RedisStore({ url: 'redis://user:secret@host/abc' })).toThrow(/^(?!.*secret)/);
  });

  it('a mistake in another option leaves no client behind that connects', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    let connections = 0;
    server.on('connection', (socket) => {
      connections++;
      socket.destroy();
    });
    const { port } = server.address() as AddressInfo;
    expect(() => new RedisStore({ url: `redis://127.0.0.1:${port}`, maxBatch: 0 })).toThrow(RangeError);
    expect(() => new RedisUsage({ url: `redis://127.0.0.1:${port}`, keepDays: 0 })).toThrow(RangeError);
    // A connection that arrives later than this one would not be the first.
    await once(connect(port, '127.0.0.1'), 'close');
    expect(connections).toBe(1);
  });
});
