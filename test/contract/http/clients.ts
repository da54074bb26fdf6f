import { perSecond } from '@tollgate/core';
import got from 'got';
import { Agent, RetryAgent, request } from 'undici';
import { describe, expect, it } from 'vitest';
import { type HttpWorld, LEGS } from './world.js';

/** Widely used clients that wait for the time in Retry-After. */
export function describeClients({ closing, start }: HttpWorld): void {
  describe('clients that retry automatically', () => {
    it('got succeeds on its first retry', async () => {
      const running = await start({ policy: { quotas: [perSecond(1)] } });
      const retries: number[] = [];
      const ask = () =>
        got(running.origin + LEGS, {
          retry: { limit: 2 },
          hooks: { beforeRetry: [(_error, count) => void retries.push(count)] },
        });
      expect((await ask()).statusCode).toBe(200);
      expect((await ask()).statusCode).toBe(200);
      expect(retries).toEqual([1]);
    });

    it('undici succeeds on its first retry', async () => {
      const running = await start({ policy: { quotas: [perSecond(1)] } });
      const agent = new RetryAgent(new Agent(), { maxRetries: 1, statusCodes: [429] });
      closing.push(() => agent.close());
      for (let sent = 0; sent < 2; sent++) {
        const answer = await request(running.origin + LEGS, { dispatcher: agent });
        expect(answer.statusCode).toBe(200);
        expect(await answer.body.text()).toContain('"allowed":true');
      }
    });
  });
}
