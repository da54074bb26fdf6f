import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { isLong } from './effort.js';

/** They start no servers and no processes: many files share one process, which saves most of their time. */
const LIGHT = ['test/cli/words/', 'test/core/', 'test/sources/'];
/** They mostly wait for the servers that they start. Under load, requests of theirs would be decided without Redis. */
const PROGRAMS = ['test/legs-api-server/'];
/** They check how long something takes, so they run apart from files that keep the processors busy. */
const TIMED = ['test/redis/faults/'];
/** They use all processors. */
const ALONE = ['test/bench/', 'test/redis/store/processes.test.ts'];

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith('.test.ts') && (!isLong || hasProperties(file)));

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is tested is what ships: the built packages, loaded by Node itself, one copy of each.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    projects: [
      project('light', within(LIGHT), { maxWorkers: 2, isolate: false, sequence: { groupOrder: 1 } }),
      project('busy', without([...LIGHT, ...PROGRAMS, ...TIMED, ...ALONE]), {
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
      project('programs', within(PROGRAMS), { maxWorkers: 4, sequence: { groupOrder: 2 } }),
      project('timed', within(TIMED), { maxWorkers: 2, sequence: { groupOrder: 3 } }),
      project('alone', within(ALONE), { maxWorkers: 1, sequence: { groupOrder: 4 } }),
    ],
  },
});

function within(folders: readonly string[]): string[] {
  return files.filter((file) => folders.some((folder) => file.startsWith(folder)));
}

function without(folders: readonly string[]): string[] {
  return files.filter((file) => !folders.some((folder) => file.startsWith(folder)));
}

function project(name: string, include: string[], options: object) {
  return { extends: true as const, test: { name, include, ...options } };
}

/** Whether the file has properties whose number of random cases depends on the effort. */
function hasProperties(file: string): boolean {
  return /\b(runsFor|describe(Store|UsageStore|PolicyChange|On))\(/.test(readFileSync(file, 'utf8'));
}
