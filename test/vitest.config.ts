import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { isLong } from './effort.js';

/** Two files run at a time, but for these: they measure time, or end and start servers. They run last, one by one. */
const ALONE = ['test/bench/', 'test/cli/top/', 'test/legs-api-server/', 'test/redis/faults/', 'test/redis-servers/'];

const all = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith('.test.ts'));
const files = isLong ? all.filter(hasProperties) : all;
const alone = files.filter((file) => ALONE.some((folder) => file.startsWith(folder)));

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is tested is what ships: the built packages, loaded by Node itself, one copy of each.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    projects: [
      {
        extends: true,
        test: {
          name: 'two at a time',
          include: files.filter((file) => !alone.includes(file)),
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});

/** Whether the file has properties whose number of random cases depends on the effort. */
function hasProperties(file: string): boolean {
  return /\b(runsFor|describe(Store|UsageStore|PolicyChange|On))\(/.test(readFileSync(file, 'utf8'));
}
