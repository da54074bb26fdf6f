import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningCluster, startCluster } from '../redis-servers/cluster.js';
import { tollgate } from './tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let cluster: RunningCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

it('the URL of any node connects to the whole Cluster', async () => {
  const [first, second, third] = cluster.nodes.map(({ url }) => ['--redis', url]) as [string[], string[], string[]];
  const set = await tollgate(['limits', 'set', 'ameyo5m', '--category', 'legs=7/s', ...first]);
  expect([set.code, set.stderr]).toEqual([0, '']);
  const got = await tollgate(['limits', 'get', 'ameyo5m', ...second]);
  expect(got.stdout).toContain('  category legs  7/second\n');
  // Accounts of several slots.
  for (const account of ['ameyo5m', 'a', 'b', 'c']) {
    const { code, stdout } = await tollgate(['peek', account, '--category', 'legs', '--json', ...third]);
    expect(JSON.parse(stdout)).toMatchObject({ source: 'store', quotas: [{ limit: account === 'ameyo5m' ? 7 : 100 }] });
    expect(code).toBe(0);
  }
  expect((await tollgate(['reset', 'a', '--all', ...second])).code).toBe(0);
});
