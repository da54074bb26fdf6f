import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tollgate } from './tollgate.js';

// Each command is a process, and the coverage of all its modules is written.
vi.setConfig({ testTimeout: 120_000 });

/** Packages that take a large part of the start time of a command that does not need them. */
const LARGE = ['chart.js', 'chokidar', 'ioredis', 'yaml'];

/** The large packages that a command loads. V8's coverage lists every module of a process. */
async function loadedBy(args: readonly string[], input = ''): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-start-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await tollgate(args, { env: { NODE_V8_COVERAGE: folder }, input });
  const modules = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  expect(modules.some((url) => url.endsWith('/cli/dist/main.js'))).toBe(true);
  return LARGE.filter((name) => modules.some((url) => url.includes(`/node_modules/${name}/`)));
}

it.each<[readonly string[], string, readonly string[]]>([
  [['--help'], '', []],
  [['limits', 'set', 'ameyo5m', '--quotas', 'nothing'], '', []],
  [['policy', 'check', '-'], 'quotas: unlimited', ['yaml']],
  [['limits', 'get', 'ameyo5m', '--redis', 'redis://127.0.0.1:1'], '', ['ioredis']],
])('tollgate %j loads the packages that it needs, and no other large one', async (args, input, needed) => {
  expect(await loadedBy(args, input)).toEqual(needed);
});
