import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { type Fence, fences, pages, ROOT } from './fences.js';

// Inside the repository, so that the packages resolve as they do for whoever pastes the program.
const CACHE = join(ROOT, 'node_modules/.cache');
let directory = '';
let redis: RunningServer;
beforeAll(async () => {
  // One that nobody used before: what the programs print depends on it.
  redis = await RunningServer.start();
  mkdirSync(CACHE, { recursive: true });
  directory = mkdtempSync(join(CACHE, 'tollgate-docs-'));
});
afterAll(async () => {
  await redis?.stop();
  rmSync(directory, { recursive: true });
});

/** Runs a program as pasted, and rejects unless it ends by itself, with success, within 20 s. */
async function run({ page, line, source }: Fence): Promise<string> {
  const file = join(directory, `${page.replaceAll('/', '-')}-${line}.mjs`);
  writeFileSync(file, source);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: directory,
    timeout: 20_000,
    env: { ...process.env, REDIS_URL: redis.url },
  });
  return stdout;
}

describe('the programs in the documentation', () => {
  const all = pages().flatMap(fences);

  it('are found', () => {
    for (const page of pages().filter((page) => page.endsWith('README.md'))) expect(fences(page)).not.toEqual([]);
    expect(all.length).toBeGreaterThan(10);
  });

  it.each(all.map((fence) => [fence.page, fence.line, fence] as const))(
    '%s:%d runs as pasted',
    async (_, __, fence) => {
      const lines = (await run(fence)).split('\n');
      for (const line of fence.prints) expect(lines).toContain(line);
    },
  );

  it('the first of the README is at most 15 lines and ends in the printed refusal', async () => {
    const [first] = fences('README.md');
    expect(first!.source.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    const stdout = await run(first!);
    expect(stdout.replace(/[0-9a-f]{32}/, 'id')).toBe(
      '429 {"request_id":"id","http_code":429,"response":{"error":{"code":"RATE_LIMIT_EXCEEDED",' +
        '"message":"Rate limit exceeded. Please retry after some time."}}}\n',
    );
  });
});
