import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { selfSigned } from '../../redis-servers/self-signed.js';
import { freePort, RunningServer, until } from '../../redis-servers/standalone.js';
import { hearWarnings } from '../../warnings.js';
import { operator } from './world.js';

let server: RunningServer;
let redis: Redis;
let tlsPort: number;
let nobody: number;
let folder: string;
const { certificate, key } = selfSigned();

beforeAll(async () => {
  tlsPort = await freePort();
  nobody = await freePort();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-tls-'));
  writeFileSync(join(folder, 'certificate.pem'), certificate);
  writeFileSync(join(folder, 'key.pem'), key);
  const tls = ['--tls-port', String(tlsPort), '--tls-auth-clients', 'no', '--tls-replication', 'no'];
  const files = ['--tls-cert-file', join(folder, 'certificate.pem'), '--tls-key-file', join(folder, 'key.pem')];
  server = await RunningServer.start({
    args: [...tls, ...files, '--tls-ca-cert-file', join(folder, 'certificate.pem')],
  });
  redis = operator(server.port);
});
afterEach(async () => {
  await redis.call('CONFIG', 'SET', 'requirepass', '');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
});

type Target = { readonly url: string; readonly options?: Omit<RedisOptions, 'replyMapping'> };

/** The ways to give a store its connection. Own clients have no listener for errors, as in many programs. */
const WAYS = {
  url: ({ url }: Target) => ({ url }),
  'ioredis 6': ({ url, options = {} }: Target) => ({ client: ownClient(new Redis(url, options)) }),
  // The types of the two differ, but not in the members that are used.
  'ioredis 5': ({ url, options = {} }: Target) => ({
    client: ownClient(new (Redis5 as unknown as typeof Redis)(url, options)),
  }),
} as const;

function ownClient(client: Redis): Redis {
  onTestFinished(() => client.disconnect());
  return client;
}

/** A store, and a limiter on it that has decided without it until its circuit has opened. */
async function mistaken(connection: { readonly url: string } | { readonly client: Redis }) {
  const seen = hearWarnings();
  const store = new RedisStore({ ...connection, prefix: 'causes', timeoutMs: 100 });
  const limiter = new RateLimiter({ name: 'mistaken', policy: { quotas: [perMinute(100)] }, store });
  onTestFinished(async () => {
    await limiter.close();
    await store.close();
  });
  const ready = store.ready({ timeoutMs: 1500 }).then(
    () => undefined,
    (error) => error,
  );
  await until('the circuit to open', async () => {
    expect((await limiter.consume({ account: 'acme', category: 'legs' })).source).toBe('local');
    return limiter.health().state === 'down';
  });
  return { ready, store, limiter, seen };
}

async function expectCause(connection: { readonly url: string } | { readonly client: Redis }, cause: RegExp) {
  const { ready, limiter, seen } = await mistaken(connection);
  expect(limiter.health().shards[0]!.cause).toMatch(cause);
  await until('the warning', () => seen.length > 0);
  expect(seen[0]).toMatch(/^TOLLGATE_STORE_DOWN /);
  expect(seen[0]).toMatch(cause);
  const error = await ready;
  expect(error).toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'no' });
  expect(error.message).toMatch(cause);
  expect(String(error.cause)).toMatch(cause);
  expect(seen).toHaveLength(1);
}

describe.each(Object.entries(WAYS))('by %s: the warning, health() and ready() have the cause', (way, connect) => {
  it('of a wrong port', async () => {
    await expectCause(connect({ url: `redis://127.0.0.1:${nobody}` }), /ECONNREFUSED 127\.0\.0\.1/);
  });

  it('of a wrong host', async () => {
    // The system refuses this name without asking anybody.
    await expectCause(connect({ url: `redis://nowhere..invalid:${nobody}` }), /ENOTFOUND nowhere\.\.invalid/);
  });

  it('of a missing password', async () => {
    await redis.call('CONFIG', 'SET', 'requirepass', 'sesame');
    await expectCause(connect({ url: server.url }), /NOAUTH/);
  });

  it('of a wrong password', async () => {
    await redis.call('CONFIG', 'SET', 'requirepass', 'sesame');
    await expectCause(connect({ url: server.url.replace('//', '//:simsim@') }), /WRONGPASS/);
  });

  it('of missing rights', async () => {
    const url = server.url.replace('//', '//someone:secret@');
    // The keys, the commands of the script, and the script itself.
    for (const rights of [
      ['~other:*', '+@all'],
      ['~causes:*', '+@all', '-set'],
      ['~causes:*', '+@all', '-zadd'],
      ['~causes:*', '+@all', '-evalsha'],
    ]) {
      await redis.call('ACL', 'SETUSER', 'someone', 'reset', 'on', '>secret', ...rights);
      await expectCause(connect({ url }), /NOPERM|user executing the script/);
    }
  });

  it('of a certificate that nobody trusts', async () => {
    await expectCause(connect({ url: `rediss://127.0.0.1:${tlsPort}` }), /DEPTH_ZERO_SELF_SIGNED_CERT|self-signed/);
  });

  it('of a server that expects TLS', async () => {
    await expectCause(connect({ url: `redis://127.0.0.1:${tlsPort}` }), /expects TLS|ECONNRESET/);
  });

  it('of a server without TLS', async () => {
    await expectCause(connect({ url: server.url.replace('redis:', 'rediss:') }), /does not answer in TLS/);
  });

  it('of a database that does not exist, and nothing is charged in another one', async () => {
    await redis.flushall();
    await expectCause(connect({ url: `${server.url}/99` }), /DB index is out of range/);
    expect(await redis.dbsize()).toBe(0);
  });

  it('of a database that the user may not select, and nothing is charged in another one', async () => {
    await redis.flushall();
    await redis.call('ACL', 'SETUSER', 'someone', 'reset', 'on', '>secret', '~*', '+@all', '-select');
    await expectCause(connect({ url: `${server.url.replace('//', '//someone:secret@')}/3` }), /NOPERM/);
    expect(await redis.dbsize()).toBe(0);
  });

  it('until it is mended, which is reported as well', async () => {
    await redis.call('CONFIG', 'SET', 'requirepass', 'sesame');
    const { store, limiter, seen } = await mistaken(connect({ url: server.url }));
    await redis.call('CONFIG', 'SET', 'requirepass', '');
    await store.ready({ timeoutMs: 10_000 });
    await until('the circuit to close', () => limiter.health().state === 'up');
    expect(store.cause('acme')).toBeUndefined();
    expect((await limiter.consume({ account: 'acme', category: 'legs' })).source).toBe('store');
    await until('the second warning', () => seen.length === 2);
    expect(seen[1]).toMatch(/^TOLLGATE_STORE_UP /);
  });

  it('unless nothing is wrong: the database with that number is used', async () => {
    await redis.flushall();
    const store = new RedisStore({ ...connect({ url: `${server.url}/5` }), prefix: 'causes' });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] }, store });
    // A charge before the connection waits for it.
    expect((await limiter.consume({ account: 'acme', category: 'legs' })).source).toBe('store');
    await store.ready();
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('another connection', async () => {
      return (await limiter.consume({ account: 'acme', category: 'legs' })).source === 'store';
    });
    expect(await redis.dbsize()).toBe(0);
    expect(String(await redis.info('keyspace'))).toMatch(/db5:keys=[1-9]/);
    await limiter.close();
    await store.close();
  });

  if (way === 'url') return;

  it('also where the client was connected before the store was made', async () => {
    const { client } = connect({ url: `${server.url}/99` }) as { readonly client: Redis };
    client.on('error', () => {});
    await until('the client to be ready', () => client.status === 'ready');
    await redis.flushall();
    await expectCause({ client }, /DB index is out of range/);
    expect(await redis.dbsize()).toBe(0);
  });

  it.each([{ enableReadyCheck: false }, { enableReadyCheck: false, disableClientInfo: true }, { lazyConnect: true }])(
    'also with %o',
    async (options) => {
      await redis.flushall();
      await expectCause(connect({ url: `${server.url}/99`, options }), /DB index is out of range/);
      expect(await redis.dbsize()).toBe(0);
      await redis.call('CONFIG', 'SET', 'requirepass', 'sesame');
      await expectCause(connect({ url: server.url, options }), /NOAUTH/);
    },
  );

  it('unless the certificate is trusted', async () => {
    const options = { tls: { ca: certificate } };
    const store = new RedisStore(connect({ url: `rediss://127.0.0.1:${tlsPort}`, options }));
    await store.ready();
    await store.close();
  });
});

describe('ready()', () => {
  it('leaves no key behind that does not expire within seconds', async () => {
    await redis.flushall();
    const store = new RedisStore({ url: server.url });
    await Promise.all([store.ready(), store.ready()]);
    const keys = await redis.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    for (const name of keys) expect(await redis.pttl(name)).toSatisfy((ms: number) => ms !== -1 && ms < 10_000);
    await store.close();
  });

  it('ends when the store is closed, and refuses a wrong timeout', async () => {
    const store = new RedisStore({ url: `redis://127.0.0.1:${nobody}` });
    await expect(store.ready({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'TOLLGATE_OPTION_RANGE' });
    await expect(store.ready({ timeout: 1 } as never)).rejects.toMatchObject({ code: 'TOLLGATE_OPTION_UNKNOWN' });
    const ready = store.ready({ timeoutMs: 60_000 });
    await store.close();
    await expect(ready).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
    await expect(store.ready()).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
  });

  it('waits for a server that starts later', async () => {
    const port = await freePort();
    const store = new RedisStore({ url: `redis://127.0.0.1:${port}` });
    const ready = store.ready({ timeoutMs: 20_000 });
    const late = await RunningServer.start({ port });
    await ready;
    await store.close();
    await late.stop();
  });

  it('of a store on a Cluster without nodes has the cause', async () => {
    const cluster = new Cluster([{ host: '127.0.0.1', port: nobody }]);
    onTestFinished(() => cluster.disconnect());
    const store = new RedisStore({ client: cluster });
    const error = await store.ready({ timeoutMs: 1000 }).catch((thrown) => thrown);
    expect(String(error.cause)).toMatch(/ECONNREFUSED/);
    await store.close();
  });
});
