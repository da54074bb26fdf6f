import { existsSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from './ask.js';
import { type RunningCluster, startCluster } from './cluster.js';
import { type RunningSentinel, startSentinel } from './sentinel.js';
import { RunningServer, until } from './standalone.js';

describe('a cluster', () => {
  let cluster: RunningCluster;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
    client = new Cluster([...cluster.startupNodes]);
  });
  afterAll(async () => {
    client?.disconnect();
    await cluster?.stop();
  });

  test('keeps keys on all three masters', async () => {
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => client.set(key, `value of ${key}`)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map((key) => `value of ${key}`));
    for (const { port } of cluster.nodes.slice(0, 3)) expect(await ask(port, 'DBSIZE')).toBeGreaterThan(0);
  });

  test('moves a slot with its keys', async () => {
    const slot = await client.cluster('KEYSLOT', '{moved}');
    const from = await cluster.masterOf(slot);
    const to = cluster.nodes.slice(0, 3).find((node) => node !== from)!;
    await client.set('{moved}:before', 'kept');
    await cluster.migrateSlot(slot, from, to, async () => {
      expect(await client.get('{moved}:before')).toBe('kept');
      await client.set('{moved}:during', 'kept too');
    });
    expect(await cluster.masterOf(slot)).toBe(to);
    expect(await client.get('{moved}:before')).toBe('kept');
    expect(await client.get('{moved}:during')).toBe('kept too');
    expect(await ask(from.port, 'CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(0);
  });

  test('has a replica take over from a dead master', async () => {
    const slot = await client.cluster('KEYSLOT', 'survivor');
    await client.set('survivor', 'before');
    const dead = await cluster.masterOf(slot);
    const replica = cluster.nodes[cluster.nodes.indexOf(dead) + 3]!;
    const copied = async () => (await ask(replica.port, 'CLUSTER', 'COUNTKEYSINSLOT', slot)) === 1;
    await until('the replica to have the key', copied);
    await dead.kill();
    expect(await cluster.masterOf(slot)).toBe(replica);
    await until('a read', () => succeeds(client.get('survivor')));
    expect(await client.get('survivor')).toBe('before');
    await until('a write', () => succeeds(client.set('survivor', 'after')));
    expect(await ask(replica.port, 'GET', 'survivor')).toBe('after');
  });
});

describe('sentinels', () => {
  let sentinel: RunningSentinel;
  beforeAll(async () => {
    sentinel = await startSentinel();
  });
  afterAll(async () => sentinel?.stop());

  test('make the replica the master once the master is dead', async () => {
    const client = new Redis({ sentinels: [...sentinel.sentinels], name: sentinel.name });
    // It reports each attempt to reach the dead master.
    client.on('error', () => {});
    try {
      await client.set('key', 'before');
      const dead = await sentinel.master();
      await sentinel.killMaster();
      await until('another master', async () => (await sentinel.masterPort()) !== dead.port);
      await until('a write', () => succeeds(client.set('key', 'after')));
      expect(await ask((await sentinel.master()).port, 'GET', 'key')).toBe('after');
    } finally {
      client.disconnect();
    }
  });
});

describe('a server', () => {
  test('is silent while paused and goes on when resumed', async () => {
    const server = await RunningServer.start();
    try {
      server.pause();
      const answer = ask(server.port, 'PING');
      const first = await Promise.race([answer, until('silence to end', () => false, 300).catch(() => 'silence')]);
      expect(first).toBe('silence');
      server.resume();
      expect(await answer).toBe('PONG');
    } finally {
      await server.stop();
    }
  });

  test('comes back empty on the same port, and leaves nothing behind', async () => {
    const server = await RunningServer.start();
    try {
      await ask(server.port, 'SET', 'key', 'value');
      const { pid, port } = server;
      await server.kill();
      expect(isAlive(pid)).toBe(false);
      await server.restart();
      expect(server.port).toBe(port);
      expect(server.pid).not.toBe(pid);
      expect(await ask(port, 'EXISTS', 'key')).toBe(0);
    } finally {
      server.pause();
      await server.stop();
    }
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.folder)).toBe(false);
    await expect(ask(server.port, 'PING')).rejects.toThrow();
  });
});

async function succeeds(command: Promise<unknown>): Promise<boolean> {
  return command.then(
    () => true,
    () => false,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
