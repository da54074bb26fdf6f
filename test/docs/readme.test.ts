import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { PENDING, unchecked } from './examples.js';
import { ROOT } from './fences.js';

const CACHE = join(ROOT, 'node_modules/.cache');
let directory = '';
let redis: RunningServer;
beforeAll(async () => {
  redis = await RunningServer.start();
  mkdirSync(CACHE, { recursive: true });
  directory = mkdtempSync(join(CACHE, 'tollgate-docs-'));
});
afterAll(async () => {
  await redis?.stop();
  rmSync(directory, { recursive: true });
});

/** Remove this file with the last page in `PENDING`: until then the JavaScript of those pages runs here. */
describe('the programs in JavaScript of the pending pages', () => {
  const all = PENDING.flatMap((page) => unchecked(page).map((fence) => [page, fence.line, fence.source] as const));

  it.each(all)('%s:%d runs as pasted', async (page, line, source) => {
    const file = join(directory, `${page.replaceAll('/', '-')}-${line}.mjs`);
    writeFileSync(file, source);
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: directory,
      timeout: 20_000,
      env: { ...process.env, REDIS_URL: redis.url },
    });
    const printed = stdout.split('\n');
    for (const [, shown] of source.matchAll(/^\/\/ prints: (.*)$/gm)) expect(printed).toContain(shown);
  });
});
