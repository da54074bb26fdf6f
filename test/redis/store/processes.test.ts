import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { redisWorld } from '../store-world.js';

const world = redisWorld();
const run = promisify(execFile);

it('four processes that charge one account without pause share its limits exactly, and use all of them', async () => {
  world.store({ client: world.plain });
  const script = fileURLToPath(new URL('charging-process.mjs', import.meta.url));
  const args = [script, world.url, world.prefix, String(Date.now() + 1500), '10500'];
  const results = await Promise.all([1, 2, 3, 4].map(() => run(process.execPath, args)));
  const processes = results.map(({ stdout }) => JSON.parse(stdout) as { admitted: number[]; asked: number });

  const admitted = processes.flatMap((one) => one.admitted).sort((a, b) => a - b);
  for (const [limit, windowMs] of [
    [100, 1000],
    [400, 5000],
  ] as const) {
    // An admission inside the window of the one `limit` places before would be one too many.
    for (let at = 0; at + limit < admitted.length; at++) {
      expect(admitted[at + limit]! - admitted[at]!).toBeGreaterThanOrEqual(windowMs);
    }
  }
  const within = admitted.filter((at) => at < admitted[0]! + 10_000).length;
  expect(within).toBeLessThanOrEqual(800);
  expect(within).toBeGreaterThanOrEqual(776);
  for (const { asked } of processes) expect(asked).toBeGreaterThan(10_000);
}, 60_000);
