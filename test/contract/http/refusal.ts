import { type Charge, type Decision, perMinute, RateLimiter } from '@tollgate/core';
import { Agent, request } from 'undici';
import { describe, expect, it } from 'vitest';
import { rawFetch, rawRequest } from './raw.js';
import { ENVELOPE_REST, type HttpWorld, LEGS } from './world.js';

/** The answer to a refused request, and the state of its connection. */
export function describeRefusal({ closing, limited, open, start, statuses }: HttpWorld): void {
  describe('the refusal', () => {
    it('is the envelope, byte for byte', async () => {
      const running = await start(limited(0));
      const id = 'c6084ac2e9a44812824b42577f01937b';
      const answer = await rawFetch(running.origin, LEGS, { headers: [`X-Request-Id: ${id}`] });
      expect(answer.statusLine).toBe('HTTP/1.1 429 Too Many Requests');
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.body).toBe(`{"request_id":"${id}"${ENVELOPE_REST}`);
      expect(answer.headers['content-length']).toBe(String(answer.body.length));
    });

    it('has a new request id if the request has no valid one', async () => {
      const running = await start(limited(0));
      for (const headers of [[], ['X-Request-Id: "><script>'], [`X-Request-Id: ${'a'.repeat(129)}`]]) {
        const { body } = await rawFetch(running.origin, LEGS, { headers });
        const { request_id: id } = JSON.parse(body);
        expect(body).toBe(`{"request_id":"${id}"${ENVELOPE_REST}`);
        expect(id).toMatch(/^([0-9a-f]{32}|req-[0-9a-z]+)$/);
      }
    });

    it('has the code and the message of the options', async () => {
      const running = await start(limited(0, { code: 'SLOW_DOWN', message: 'Später "bitte"' }));
      const answer = await rawFetch(running.origin, LEGS);
      expect(JSON.parse(answer.body).response.error).toEqual({ code: 'SLOW_DOWN', message: 'Später "bitte"' });
      expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.body)));
    });

    it('has the headers and no body under HEAD, and leaves the connection usable', async () => {
      const connection = open(await start(limited(1)));
      await connection.write(rawRequest(LEGS));
      expect((await connection.read()).status).toBe(200);
      await connection.write(rawRequest(LEGS, { method: 'HEAD' }));
      const answer = await connection.read({ head: true });
      expect(answer.status).toBe(429);
      expect(answer.headers['retry-after']).toBe('60');
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(100);
      await connection.write(rawRequest(LEGS));
      expect((await connection.read()).body).toMatch(/^\{"request_id"/);
    });

    it('comes while a body of 10 MB is still being sent', async () => {
      const running = await start(limited(0));
      const size = 10 * 1024 * 1024;
      const connection = open(running);
      const headers = ['Content-Type: application/octet-stream', `Content-Length: ${size}`];
      await connection.write(rawRequest(LEGS, { method: 'POST', headers }) + 'x'.repeat(1000));
      expect((await connection.read()).status).toBe(429);
      await connection.write(Buffer.alloc(size - 1000)).catch(() => 'the server may close instead of reading on');

      const agent = new Agent();
      closing.push(() => agent.destroy());
      const whole = await request(running.origin + LEGS, {
        method: 'POST',
        body: Buffer.alloc(size),
        dispatcher: agent,
      });
      expect(whole.statusCode).toBe(429);
      expect(await whole.body.text()).toContain('RATE_LIMIT_EXCEEDED');
      expect(await statuses(running, ['/v2/accounts/ameyo5m/bridges'])).toEqual([429]);
    });

    it('answers Expect: 100-continue, whether the host invites the body or leaves that to the application', async () => {
      const headers = ['Content-Length: 5', 'Expect: 100-continue'];
      const running = await start(limited(0));
      const invited = open(running);
      await invited.write(rawRequest(LEGS, { method: 'POST', headers }));
      expect((await invited.read()).status).toBe(100);
      expect((await invited.read()).status).toBe(429);
      await invited.write(`hello${rawRequest(LEGS)}`);
      expect((await invited.read()).status).toBe(429);

      const { server } = running;
      server.on('checkContinue', (incoming, response) => server.emit('request', incoming, response));
      const spared = open(running);
      await spared.write(rawRequest(LEGS, { method: 'POST', headers }));
      const answer = await spared.read();
      expect(answer.status).toBe(429);
      expect(answer.headers['connection']).toBe('close');
    });

    it('causes no error if the client leaves before the decision', async () => {
      let decide: (account: string) => void = () => {};
      let asked: () => void = () => {};
      const account = new Promise<string>((resolve) => {
        decide = resolve;
      });
      const reached = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const running = await start(
        limited(0, {
          account: () => {
            asked();
            return account;
          },
        }),
        { mount: 'root' },
      );
      const connection = open(running);
      await connection.write(rawRequest('/anything'));
      await reached;
      const gone = new Promise((resolve) => connection.socket.once('close', resolve));
      connection.close();
      await gone;
      decide('ameyo5m');
      expect(await statuses(running, ['/anything'])).toEqual([429]);
    });

    it('never reaches the error handler of the application', async () => {
      const running = await start(limited(0), { errorHandler: true });
      const answer = await rawFetch(running.origin, LEGS);
      expect(answer.status).toBe(429);
      expect(JSON.parse(answer.body).http_code).toBe(429);
    });

    it('is replaced by onLimited, async or not, and the headers are already set', async () => {
      for (const wait of [undefined, Promise.resolve()]) {
        const running = await start(
          limited(0, {
            onLimited: (_request, response, { allowed, reason }) => {
              if (wait === undefined) return response.end(503, `${allowed} ${reason}`);
              return wait.then(() => response.end(503, `${allowed} ${reason}`));
            },
          }),
        );
        const answer = await rawFetch(running.origin, LEGS);
        expect([answer.status, answer.body]).toEqual([503, 'false cost-above-limit']);
        expect(answer.headers['x-ratelimit-limit']).toBe('0');
      }
    });

    it.each<[number | undefined, string, string, string]>([
      [undefined, 'HTTP/1.1 429 Too Many Requests', 'SLOW_DOWN', 'Later'],
      [429, 'HTTP/1.1 429 Too Many Requests', 'SLOW_DOWN', 'Later'],
      [403, 'HTTP/1.1 403 Forbidden', 'BLOCKED', 'Requests of this client are blocked.'],
    ])('of a blocked request has the blockedStatus %s, and no Retry-After', async (status, line, code, message) => {
      const options = { limiter: new Blocking(), code: 'SLOW_DOWN', message: 'Later' };
      const running = await start({ ...options, ...(status !== undefined && { blockedStatus: status as 403 }) });
      for (let sent = 0; sent < 2; sent++) {
        const { statusLine, headers, body } = await rawFetch(running.origin, LEGS, { headers: ['X-Request-Id: one'] });
        expect(statusLine).toBe(line);
        expect(headers).not.toHaveProperty('retry-after');
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['content-length']).toBe(String(body.length));
        const error = { code, message };
        expect(body).toBe(JSON.stringify({ request_id: 'one', http_code: status ?? 429, response: { error } }));
      }
      // A request that is only above its limit is not forbidden.
      expect(await statuses(await start(limited(0, { blockedStatus: 403 })), [LEGS])).toEqual([429]);
    });

    it('of a blocked request is replaced by onLimited, as any', async () => {
      const running = await start({
        limiter: new Blocking(),
        blockedStatus: 403,
        onLimited: (_request, response, { reason }) => response.end(451, reason),
      });
      const answer = await rawFetch(running.origin, LEGS);
      expect([answer.status, answer.body]).toEqual([451, 'blocked']);
    });

    it('has no Retry-After if the cost can never fit', async () => {
      const running = await start(limited(5, { cost: 6 }));
      const answer = await rawFetch(running.origin, LEGS);
      expect(answer.status).toBe(429);
      expect(answer.headers).not.toHaveProperty('retry-after');
    });
  });
}

/** Answers every charge as a policy that blocks the account. */
class Blocking extends RateLimiter {
  constructor() {
    super({ policy: { quotas: [perMinute(0)] } });
  }

  override consume(charge: Charge): Decision {
    const decision = super.consume(charge) as Decision;
    // A block may have an end.
    Object.defineProperty(decision, 'retryAfterMs', { value: 60_000 });
    return Object.defineProperty(decision, 'reason', { value: 'blocked' });
  }
}
