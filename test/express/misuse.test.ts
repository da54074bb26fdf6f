import { definePolicy, perMinute, RateLimiter } from '@tollgate/core';
import { rateLimit } from '@tollgate/express';
import express from 'express';
// @ts-expect-error Express 4 comes without types under this name.
import express4 from 'express4';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { rawFetch } from '../contract/http/raw.js';

const policy = definePolicy({ quotas: [perMinute(1)] });

describe('a misuse of rateLimit gets the line to write instead', () => {
  it('for a policy or a limiter in place of options', () => {
    expect(() => rateLimit(policy as never)).toThrow(
      'Expected `rateLimit` to be an object of options: write rateLimit({ policy }), got an instance of Policy',
    );
    expect(() => rateLimit(new RateLimiter({ policy }) as never)).toThrow(
      'Expected `rateLimit` to be an object of options: write rateLimit({ limiter }), got an instance of RateLimiter',
    );
  });

  it.each([
    ['Express 5', express],
    ['Express 4', express4],
  ])('for rateLimit itself mounted on %s', async (_, framework) => {
    const app = (framework as typeof express)();
    app.use(rateLimit as never);
    app.use(((error: Error, _request: unknown, response: express.Response, _next: unknown) => {
      response.status(500).send(error.message);
    }) as express.ErrorRequestHandler);
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const { port } = server.address() as { readonly port: number };
      const { status, body } = await rawFetch(`http://127.0.0.1:${port}`, '/');
      expect(status).toBe(500);
      expect(body).toContain('mount the result of rateLimit({ … }), not rateLimit itself');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('for the middleware registered on Fastify', async () => {
    const fastify = Fastify();
    fastify.register(rateLimit({ policy, account: 'address' }) as never);
    await expect(fastify.ready()).rejects.toThrow(/on Fastify, register the plugin of @tollgate\/fastify/);
  });

  it('names the class of an object, and runs none of the code of a proxy', () => {
    expect(() => rateLimit(new Map() as never)).toThrow('to be a plain object, got an instance of Map');
    const hostile = new Proxy(new Date(), {
      getPrototypeOf: () => {
        throw new Error('a trap');
      },
    });
    expect(() => new RateLimiter({ policy, name: hostile as never })).toThrow('got an object');
  });
});

describe('a constant name that the policy does not have is refused', () => {
  const named = definePolicy({
    quotas: [perMinute(1)],
    categories: { legs: [perMinute(1)] },
    plans: { gold: { quotas: [perMinute(2)] } },
    known: { regions: ['sg'], environments: ['sandbox'] },
  });

  it.each([
    ['category', 'leg', 'legs'],
    ['plan', 'Gold', 'gold'],
    ['region', 'SG', 'sg'],
    ['environment', 'sandbx', 'sandbox'],
  ])('%s', (kind, name, nearest) => {
    for (const source of [{ policy: named }, { limiter: new RateLimiter({ policy: named }) }]) {
      const options = { account: 'address', ...source, [kind]: name };
      expect(() => rateLimit(options as never)).toThrow(
        expect.objectContaining({
          code: 'TOLLGATE_OPTION_RANGE',
          message: expect.stringMatching(new RegExp(`\`rateLimit.${kind}\`.*${name}.*${nearest}`)),
        }),
      );
    }
  });
});
