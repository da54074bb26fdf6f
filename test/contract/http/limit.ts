import { legsApiPolicy } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { rawFetch, rawRequest } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** Which requests are admitted and which are refused. */
export function describeLimit({ limited, memory, open, start, statuses, time }: HttpWorld): void {
  describe('the limit', () => {
    it('admits 100 a minute, refuses the 101st, and admits other categories and accounts', async () => {
      const running = await start({ policy: legsApiPolicy(), store: memory() });
      const connection = open(running);
      for (let sent = 0; sent < 100; sent++) {
        await connection.write(rawRequest(LEGS));
        const answer = await connection.read();
        expect(answer.status).toBe(200);
        expect(answer.headers['x-ratelimit-remaining']).toBe(String(99 - sent));
      }
      expect(await statuses(running, [LEGS, `${LEGS}/l1`])).toEqual([429, 429]);
      expect(await statuses(running, ['/v2/accounts/ameyo5m/bridges', `${LEGS}/l1/actions/hangup`])).toEqual([
        200, 200,
      ]);
      expect(await statuses(running, ['/v2/accounts/other/legs'])).toEqual([200]);
    });

    it('admits again exactly after Retry-After', async () => {
      const running = await start(limited(1));
      await rawFetch(running.origin, LEGS);
      time.now += 20_001;
      const refused = await rawFetch(running.origin, LEGS);
      expect(refused.headers['retry-after']).toBe('40');
      time.now += 39_998;
      expect(await statuses(running, [LEGS])).toEqual([429]);
      time.now += 1;
      expect(await statuses(running, [LEGS])).toEqual([200]);
    });

    it('decides pipelined requests one after the other, in order', async () => {
      const connection = open(await start(limited(3)));
      await connection.write(rawRequest(LEGS).repeat(5));
      const answers = [];
      for (let read = 0; read < 5; read++) answers.push(await connection.read());
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
      expect(answers.map(({ headers }) => headers['x-ratelimit-remaining'])).toEqual(['2', '1', '0', '0', '0']);
    });

    it('gives each of two requests in one tick its own numbers', async () => {
      let arrived = 0;
      let release: () => void = () => {};
      const both = new Promise<void>((resolve) => {
        release = resolve;
      });
      const running = await start(limited(5), {
        beforeAnswer: () => {
          arrived++;
          if (arrived === 2) release();
          return both;
        },
      });
      const answers = await Promise.all([rawFetch(running.origin, LEGS), rawFetch(running.origin, LEGS)]);
      const used = answers.map(({ body }) => JSON.parse(body).decision.quotas[0].used);
      expect(used.sort()).toEqual([1, 2]);
    });

    it('admits at most the limit of simultaneous requests', async () => {
      const running = await start(limited(30));
      const all = await Promise.all(Array.from({ length: 60 }, () => rawFetch(running.origin, LEGS)));
      expect(all.filter(({ status }) => status === 200)).toHaveLength(30);
      expect(all.filter(({ status }) => status === 429)).toHaveLength(30);
    });
  });
}
