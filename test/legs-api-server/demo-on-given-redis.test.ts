import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';
import { freePort } from '../redis-servers/standalone.js';
import { DEMO, environment, run } from './programs.js';

describe('the demo on the Redis of REDIS_URL', () => {
  let redis: GivenOrStarted;
  beforeAll(async () => {
    redis = await givenOrStarted();
  });
  afterAll(() => redis?.stop());

  it('makes the demo use that Redis, also for a second run', async () => {
    for (let time = 0; time < 2; time++) {
      const { stdout, stderr } = await run(process.execPath, [DEMO], { env: environment({ REDIS_URL: redis.url }) });
      expect(stderr).toBe('');
      expect(stdout).toContain('Its counters are on Redis.');
      expect(stdout).toContain('Every line above was checked as it happened.');
    }
  });

  it('ends the demo with an error message when no Redis answers', async () => {
    const variables = environment({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
    await expect(run(process.execPath, [DEMO], { env: variables })).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^The demo could not be played: the Redis that REDIS_URL names cannot be used\. .*\n$/m,
      ),
    });
  });
});
