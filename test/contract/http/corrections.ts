import type { Server } from 'node:http';
import { type Decision, perMinute, RateLimiter, type RateLimiterOptions } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { redisWorld } from '../../redis/store-world.js';
import { collectWarnings } from '../../warnings.js';
import type { CommonOptions, CommonRequest } from './adapter.js';
import { type RawConnection, rawRequest } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** Charges that are corrected when the response has ended, or the client has left. */
export function describeHttpCorrections(http: HttpWorld): void {
  const { closing, memory, open, start, startAll, statuses } = http;

  function limiterOf(limit: number, options: Partial<RateLimiterOptions> = {}): RateLimiter {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(limit)] }, store: memory(), ...options });
    closing.push(() => limiter.close());
    return limiter;
  }

  const usedOf = async (limiter: RateLimiter, category = 'legs') =>
    (await limiter.peek({ account: 'ameyo5m', category, cost: 0 })).tightest?.used;

  async function send(connection: RawConnection, ...headers: string[]): Promise<number> {
    await connection.write(rawRequest(LEGS, { headers }));
    return (await connection.read()).status;
  }

  const costHeader = ({ headers }: CommonRequest) => Number(headers['x-cost']);

  describe('costAfter', () => {
    it.each([
      ['lower', '4', 4],
      ['0', '0', 0],
      ['equal', '10', 10],
      ['higher', '15', 15],
      ['above the limit', '1000', 1000],
    ])('a cost that is %s is what the request has cost', async (_, cost, used) => {
      for (const costAfter of [costHeader, async (request: CommonRequest) => costHeader(request)]) {
        const limiter = limiterOf(100);
        const running = await start({ limiter, cost: 10, costAfter });
        expect(await send(open(running), `X-Cost: ${cost}`)).toBe(200);
        await expect.poll(() => usedOf(limiter)).toBe(used);
      }
    });

    it('is in the usage of the account', async () => {
      const limiter = limiterOf(100, { usage: true });
      const running = await start({ limiter, cost: 10, costAfter: costHeader });
      const connection = open(running);
      for (const cost of ['4', '10', '15']) await send(connection, `X-Cost: ${cost}`);
      const totals = async () => (await limiter.usage({ account: 'ameyo5m' })).totals;
      await expect.poll(async () => (await totals()).corrections.count).toBe(2);
      expect(await totals()).toMatchObject({
        ...{ requests: 3, admitted: 3 },
        corrections: { count: 2, refundedUnits: 6, debitedUnits: 5 },
      });
    });

    it('may decline, and the charge stays', async () => {
      for (const declined of [undefined, null]) {
        const limiter = limiterOf(100);
        const running = await start({ limiter, cost: 10, costAfter: () => declined });
        expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 200]);
        expect(await usedOf(limiter)).toBe(20);
      }
    });

    it('gets the request and the status of the response, once', async () => {
      const seen: unknown[] = [];
      const costAfter = ({ method }: CommonRequest, status: number) => void seen.push([method, status]);
      const running = await start({ limiter: limiterOf(2), costAfter });
      const connection = open(running);
      for (const status of [201, 503, 200]) await send(connection, `X-Status: ${status}`);
      connection.close();
      await expect.poll(() => connection.socket.destroyed).toBe(true);
      // The third is refused, and cost nothing.
      expect(seen).toEqual([
        ['GET', 201],
        ['GET', 503],
      ]);
    });

    it('counts what a charge of 0 has cost, on the counter of the charge', async () => {
      const policy = { quotas: [perMinute(9)], environments: { sandbox: { quotas: [perMinute(5)] } } };
      const limiter = limiterOf(9, { policy });
      const running = await start({ limiter, cost: 0, environment: 'sandbox', costAfter: costHeader });
      const connection = open(running);
      expect(await send(connection, 'X-Cost: 3')).toBe(200);
      expect(await send(connection, 'X-Cost: 0')).toBe(200);
      const left = { account: 'ameyo5m', category: 'legs', environment: 'sandbox', cost: 2 };
      expect(await limiter.peek(left)).toMatchObject({ allowed: true, tightest: { used: 3 } });
      expect(await usedOf(limiter)).toBe(0);

      const byAsync = limiterOf(9);
      const second = await start({ limiter: byAsync, cost: async () => 0, costAfter: () => 4 });
      expect(await send(open(second))).toBe(200);
      await expect.poll(() => usedOf(byAsync)).toBe(4);
    });

    it('counts nothing while limiting is suspended', async () => {
      const limiter = limiterOf(9);
      limiter.suspend({ reason: 'a test' });
      for (const cost of [0, 2]) await statuses(await start({ limiter, cost, costAfter: () => 5 }), [LEGS]);
      limiter.resume();
      expect(await usedOf(limiter)).toBe(0);
    });

    it.each<[string, () => unknown, string]>([
      ['throws', throwing, 'a bug'],
      ['rejects', () => Promise.reject(new Error('a bug')), 'a bug'],
      ['throws undefined', () => Promise.reject(undefined), 'A function among the options threw'],
      ['returns a fraction', () => 1.5, 'Expected `costAfter` to be an integer from 0 to 2147483647, got 1.5'],
      ['returns NaN', () => Number.NaN, 'got NaN'],
      ['returns less than 0', () => -1, 'got -1'],
      ['returns too much', () => 2 ** 31, 'got 2147483648'],
      ['returns a text', async () => '4', 'got "4"'],
      ['returns a bigint', () => 4n, 'Expected `costAfter`'],
      ['returns true', () => true, 'got true'],
    ])('that %s is reported once and counted, and the charge stays', async (_, costAfter, why) => {
      const warnings = collectWarnings();
      const name = `costAfter-${Math.random()}`;
      const limiter = limiterOf(100, { name });
      const running = await start({ limiter, cost: 10, costAfter: costAfter as () => number });
      expect(await statuses(running, [LEGS, LEGS, LEGS])).toEqual([200, 200, 200]);
      await expect.poll(() => limiter.stats().functionFailures).toBe(3);
      expect(await usedOf(limiter)).toBe(30);
      const found = await warnings();
      expect(found).toHaveLength(1);
      expect(found[0]).toContain(
        `TOLLGATE_FUNCTION_FAILED The function \`costAfter\` of the limiter ${name} failed, and the charge stays as it was: `,
      );
      expect(found[0]).toContain(why);
    });
  });

  describe('refundWhen', () => {
    it('gets the request too', async () => {
      const limiter = limiterOf(9);
      const refundWhen = (_status: number, { headers }: CommonRequest) => headers['x-free'] !== undefined;
      const connection = open(await start({ limiter, refundWhen }));
      await send(connection);
      await send(connection, 'X-Free: yes');
      expect(await usedOf(limiter)).toBe(1);
    });

    it('goes before costAfter, which is not asked then', async () => {
      const limiter = limiterOf(100);
      let asked = 0;
      const costAfter = () => {
        asked++;
        return 4;
      };
      const connection = open(await start({ limiter, cost: 10, refundWhen: (status) => status >= 500, costAfter }));
      await send(connection, 'X-Status: 500');
      expect([await usedOf(limiter), asked]).toEqual([0, 0]);
      await send(connection);
      expect([await usedOf(limiter), asked]).toEqual([4, 1]);
    });

    it('that fails is reported once and counted, and costAfter is not asked', async () => {
      const warnings = collectWarnings();
      const limiter = limiterOf(9, { name: `refundWhen-${Math.random()}` });
      const running = await start({ limiter, refundWhen: throwing, costAfter: () => 0 });
      expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 200]);
      expect(limiter.stats().functionFailures).toBe(2);
      expect(await usedOf(limiter)).toBe(2);
      expect(await warnings()).toEqual([expect.stringMatching(/FUNCTION_FAILED The function `refundWhen`.*: a bug$/)]);
    });
  });

  describe('refundAtMost', () => {
    const refundAtMost = { limit: 2, windowMs: 3_600_000 };

    it('limits the requests that cost 0 in the end, and no others', async () => {
      const limiter = limiterOf(1000);
      const connection = open(await start({ limiter, cost: 10, costAfter: costHeader, refundAtMost }));
      const used: unknown[] = [];
      for (const cost of [0, 1, 1, 1, 20, 0, 0, 0, 1]) {
        await send(connection, `X-Cost: ${cost}`);
        used.push(await usedOf(limiter));
      }
      expect(used).toEqual([0, 1, 2, 3, 23, 23, 33, 43, 44]);
    });

    it('counts no request that its handler has settled', async () => {
      const limiter = limiterOf(1000);
      const settling = (request: CommonRequest) => {
        if (request.headers['x-settle'] !== undefined) decisionOf(request).settle(3);
      };
      const options = { limiter, refundWhen: () => true, refundAtMost };
      const connection = open(await start(options, { beforeAnswer: settling }));
      for (let sent = 0; sent < 4; sent++) await send(connection, 'X-Settle: yes');
      expect(await usedOf(limiter)).toBe(12);
      for (let sent = 0; sent < 3; sent++) await send(connection);
      expect(await usedOf(limiter)).toBe(13);
    });

    it('limits the refunds of clients that leave', async () => {
      const limiter = limiterOf(1000);
      let asked = 0;
      const costWhenAborted = () => {
        asked++;
        return 0;
      };
      const { running, started } = await startPending({ limiter, costWhenAborted, refundAtMost });
      for (let sent = 1; sent <= 5; sent++) {
        const connection = open(running);
        await connection.write(rawRequest(LEGS));
        await expect.poll(() => started.length).toBe(sent);
        connection.close();
        await expect.poll(() => asked).toBe(sent);
      }
      expect(await usedOf(limiter)).toBe(3);
    });
  });

  it('a handler that has settled its charge has the last word', async () => {
    const limiter = limiterOf(100);
    const beforeAnswer = async (request: CommonRequest) => {
      expect(await decisionOf(request).settle(3)).toBe(true);
    };
    const options = { limiter, cost: 10, costAfter: () => 7 };
    expect(await statuses(await start(options, { beforeAnswer }), [LEGS])).toEqual([200]);
    const free = { limiter, cost: 10, refundWhen: () => true };
    expect(await statuses(await start(free, { beforeAnswer }), [LEGS])).toEqual([200]);
    expect(await usedOf(limiter)).toBe(6);
  });

  it('each of several limiters corrects its own charge', async () => {
    const [one, two, three] = [limiterOf(100), limiterOf(100), limiterOf(100)];
    const running = await startAll([
      { limiter: one, cost: 10, costAfter: () => 4 },
      { limiter: two, cost: 10, refundWhen: () => true },
      { limiter: three, cost: 10 },
    ]);
    expect(await statuses(running, [LEGS])).toEqual([200]);
    expect([await usedOf(one), await usedOf(two), await usedOf(three)]).toEqual([4, 0, 10]);
  });

  /** An application whose handlers wait until the test lets them answer. */
  async function startPending(options: CommonOptions) {
    const started: CommonRequest[] = [];
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    closing.push(answer);
    const beforeAnswer = (request: CommonRequest) => {
      started.push(request);
      return request.headers['x-wait'] === 'no' ? undefined : answered;
    };
    return { running: await start(options, { beforeAnswer }), started, answer };
  }

  describe('a client that leaves before the answer', () => {
    /** Notes each call of a function. */
    function asking() {
      const asked: string[] = [];
      const options = {
        refundWhen: () => {
          asked.push('refundWhen');
          return true;
        },
        costAfter: () => void asked.push('costAfter'),
        costWhenAborted: (request: CommonRequest) => {
          asked.push('costWhenAborted');
          return Number(request.headers['x-cost'] ?? 1);
        },
      } satisfies CommonOptions;
      return { asked, options };
    }

    it('is what costWhenAborted is asked about, once, and no other function, also when the handler answers', async () => {
      for (const [cost, used] of [
        ['2', 2],
        ['0', 0],
        ['15', 15],
      ] as const) {
        const { asked, options } = asking();
        const limiter = limiterOf(100);
        const { running, started, answer } = await startPending({ limiter, cost: 10, ...options });
        const connection = open(running);
        await connection.write(rawRequest(LEGS, { headers: [`X-Cost: ${cost}`] }));
        await expect.poll(() => started.length).toBe(1);
        expect(await usedOf(limiter)).toBe(10);
        connection.close();
        await expect.poll(() => asked).toEqual(['costWhenAborted']);
        expect(await usedOf(limiter)).toBe(used);
        answer();
        // A request that is served after that shows that the late answer has been made.
        expect(await send(open(running), 'X-Wait: no')).toBe(200);
        await expect.poll(() => asked).toEqual(['costWhenAborted', 'refundWhen']);
        expect(await usedOf(limiter)).toBe(used);
      }
    });

    it('keeps its charge without costWhenAborted, whatever the handler answers', async () => {
      const { asked, options } = asking();
      const limiter = limiterOf(100);
      const { refundWhen, costAfter } = options;
      const { running, started, answer } = await startPending({ limiter, cost: 10, refundWhen, costAfter });
      const connection = open(running);
      await connection.write(rawRequest(LEGS, { headers: ['X-Status: 500'] }));
      await expect.poll(() => started.length).toBe(1);
      connection.close();
      await closed(running, connection);
      answer();
      expect(await send(open(running), 'X-Wait: no')).toBe(200);
      await expect.poll(() => asked).toEqual(['refundWhen']);
      expect(await usedOf(limiter)).toBe(10);
    });

    it('is noticed while its request is still being decided', async () => {
      const { asked, options } = asking();
      const limiter = limiterOf(100);
      let decide: (() => void) | undefined;
      const plan = () =>
        new Promise<undefined>((resolve) => {
          decide = () => resolve(undefined);
        });
      const { running } = await startPending({ limiter, cost: 10, plan, ...options });
      const connection = open(running);
      await connection.write(rawRequest(LEGS, { headers: ['X-Cost: 2'] }));
      await expect.poll(() => decide).toBeDefined();
      connection.close();
      await closed(running, connection);
      decide!();
      await expect.poll(() => asked).toEqual(['costWhenAborted']);
      expect(await usedOf(limiter)).toBe(2);
    });

    it('leaves with all of its pipelined requests, each of which is corrected once', async () => {
      const warnings: string[] = [];
      const note = (warning: Error) => void warnings.push(warning.name);
      process.on('warning', note);
      closing.push(() => void process.off('warning', note));
      const { asked, options } = asking();
      const limiter = limiterOf(1000);
      const { running, started, answer } = await startPending({ limiter, cost: 10, ...options });
      const connection = open(running);
      const first = rawRequest(LEGS);
      // These are answered at once, but their answers wait for the first.
      const others = rawRequest(LEGS, { headers: ['X-Wait: no'] }).repeat(29);
      await connection.write(first + others);
      await expect.poll(() => started.length).toBe(30);
      connection.close();
      await expect.poll(() => asked.length).toBe(30);
      answer();
      expect(await send(open(running), 'X-Wait: no')).toBe(200);
      await expect.poll(() => asked).toEqual([...new Array(30).fill('costWhenAborted'), 'refundWhen']);
      expect(await usedOf(limiter)).toBe(30);
      expect(warnings).not.toContain('MaxListenersExceededWarning');
    });

    it('is not one who leaves after the answer: keep-alive and pipelined requests are finished', async () => {
      const { asked, options } = asking();
      const limiter = limiterOf(1000);
      const running = await start({ limiter, cost: 10, ...options, refundWhen: () => false });
      const connection = open(running);
      for (let sent = 0; sent < 3; sent++) await send(connection);
      await connection.write(rawRequest(LEGS).repeat(3));
      for (let read = 0; read < 3; read++) await connection.read();
      connection.close();
      await closed(running, connection);
      expect(asked).toEqual(new Array(6).fill('costAfter'));
    });

    it('gets the charge of a costWhenAborted that fails, which is reported', async () => {
      const warnings = collectWarnings();
      const limiter = limiterOf(9, { name: `costWhenAborted-${Math.random()}` });
      const { running, started } = await startPending({ limiter, costWhenAborted: () => -3 });
      const connection = open(running);
      await connection.write(rawRequest(LEGS));
      await expect.poll(() => started.length).toBe(1);
      connection.close();
      await expect.poll(() => limiter.stats().functionFailures).toBe(1);
      expect(await usedOf(limiter)).toBe(1);
      expect(await warnings()).toEqual([
        expect.stringMatching(/`costWhenAborted`.*the charge stays as it was.*got -3$/),
      ]);
    });
  });

  describe('on Redis', () => {
    const world = redisWorld();

    it('charges are corrected, and of clients that leave too', async () => {
      const limiter = limiterOf(100, { store: world.store({ timeoutMs: 1000 }) });
      const costs = { costAfter: costHeader, costWhenAborted: costHeader };
      const options = { limiter, cost: 10, ...costs, refundWhen: (status: number) => status >= 500 };
      const { running, started, answer } = await startPending(options);
      const connection = open(running);
      const used: (number | undefined)[] = [];
      for (const headers of [['X-Cost: 4'], ['X-Cost: 30'], ['X-Cost: 9', 'X-Status: 500']]) {
        const before = limiter.stats().corrections;
        await send(connection, 'X-Wait: no', ...headers);
        await expect.poll(() => limiter.stats().corrections).toBe(before + 1);
        used.push(await usedOf(limiter));
      }
      expect(used).toEqual([4, 34, 34]);
      const leaving = open(running);
      await leaving.write(rawRequest(LEGS, { headers: ['X-Cost: 3'] }));
      await expect.poll(() => started.length).toBe(4);
      leaving.close();
      await expect.poll(() => usedOf(limiter)).toBe(37);
      answer();
    });
  });

  it('a function that may raise a cost is refused on a store that cannot count it', async () => {
    const { consume, peek, refund, reset, close } = memory();
    const store = { consume, peek, refund, reset, close };
    const limiter = limiterOf(9, { store: store as never });
    for (const option of ['costAfter', 'costWhenAborted']) {
      await expect(start({ limiter, [option]: () => 1 })).rejects.toThrow(
        `Expected a store with the method record beside \`${option}\`, got one without`,
      );
    }
    await expect(start({ limiter, refundWhen: () => true })).resolves.toHaveProperty('origin');
  });
}

/** Waits until the server has noticed that the client has left. */
async function closed({ server }: { readonly server: Server }, connection: RawConnection) {
  await expect.poll(() => connection.socket.destroyed).toBe(true);
  await expect.poll(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))).toBe(0);
}

function decisionOf(request: CommonRequest): Decision {
  return (request as CommonRequest & { readonly rateLimit: Decision }).rateLimit;
}

function throwing(): never {
  throw new Error('a bug');
}
