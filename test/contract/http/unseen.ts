import { describe, expect, it } from 'vitest';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** Requests that end before any limiter; docs/http.md lists them. */
export function describeUnseen({ limited, open, start, statuses }: HttpWorld): void {
  describe('a request that Node answers itself', () => {
    it.each([
      ['garbage', 'GARBAGE\r\n\r\n', 400],
      ['an unknown method', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
      ['no host', `GET ${LEGS} HTTP/1.1\r\n\r\n`, 400],
      ['a long URL', `GET ${LEGS}?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
      ['an unknown expectation', `GET ${LEGS} HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n`, 417],
    ])('is not charged: %s', async (_, bytes, status) => {
      const running = await start(limited(1));
      const connection = open(running);
      await connection.write(bytes);
      const answer = await connection.read();
      expect(answer.status).toBe(status);
      expect(answer.headers).not.toHaveProperty('x-ratelimit-limit');
      expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 429]);
    });

    it('is not charged: an upgrade that a listener answers; without one, it is charged', async () => {
      const running = await start(limited(1));
      const headers = ['Connection: Upgrade', 'Upgrade: websocket'];
      const upgrade = () => rawFetch(running.origin, LEGS, { headers });
      const answer = 'HTTP/1.1 101 Switching Protocols\r\n\r\n';
      const listener = (_request: unknown, socket: { end(text: string): void }) => socket.end(answer);
      running.server.on('upgrade', listener);
      expect((await upgrade()).status).toBe(101);
      running.server.off('upgrade', listener);
      expect((await upgrade()).status).toBe(200);
      expect((await upgrade()).status).toBe(429);
    });
  });
}
