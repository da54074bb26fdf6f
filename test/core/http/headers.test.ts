import { Decision, perMinute, Quota, RateLimiter } from '@tollgate/core';
import { headersWriter } from '@tollgate/core/http';
import { describe, expect, it } from 'vitest';
import { limitsText } from '../../../packages/core/dist/http/headers.js';

function consume(limiter: RateLimiter, account: string, cost = 1): Decision {
  const decision = limiter.consume({ account, category: 'legs', cost });
  if (!(decision instanceof Decision)) throw new Error('A decision in memory is made at once');
  return decision;
}

function headers(decision: Decision): Record<string, string> {
  const written: Record<string, string> = {};
  headersWriter('both')(decision, (name, value) => {
    written[name] = value;
  });
  return written;
}

function limiterOf(quotas: Quota[], throttled = false): RateLimiter {
  const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0.5 };
  return new RateLimiter({ policy: { quotas, ...(throttled && { throttle }) } });
}

describe('the headers of a decision', () => {
  it('contain the state of each quota, with small and large numbers', () => {
    const limiter = limiterOf([new Quota({ limit: 5000, windowMs: 1500 }), perMinute(1001)]);
    expect(headers(consume(limiter, 'a', 2))).toMatchObject({
      'X-RateLimit-Limit': '1001',
      'X-RateLimit-Remaining': '999',
      'RateLimit-Policy': '"per-1500-ms";q=5000,"per-minute";q=1001;w=60',
      RateLimit: '"per-1500-ms";r=4998;t=2,"per-minute";r=999;t=60',
    });
    expect(headers(consume(limiter, 'a', 999))['X-RateLimit-Remaining']).toBe('0');
  });

  it('quote the name of a quota as Structured Fields do', () => {
    const quotas = [new Quota({ limit: 2, windowMs: 1000, name: String.raw`a"b\c` })];
    expect(headers(consume(limiterOf(quotas), 'a'))).toMatchObject({
      'RateLimit-Policy': String.raw`"a\"b\\c";q=2;w=1`,
      RateLimit: String.raw`"a\"b\\c";r=1;t=1`,
    });
  });

  it('that depend only on the limits are made once', () => {
    const limiter = limiterOf([perMinute(10)]);
    const text = limitsText(consume(limiter, 'a'));
    expect(limitsText(consume(limiter, 'b', 11))).toBe(text);
    limiter.setPolicy({ quotas: [perMinute(20)] });
    expect(limitsText(consume(limiter, 'a')).policy).toBe('"per-minute";q=20;w=60');
  });

  it('show shrunk limits to throttled accounts, and full limits to all others', () => {
    const limiter = limiterOf([perMinute(10)], true);
    const policyOf = (account: string) => headers(consume(limiter, account, 0))['RateLimit-Policy'];
    expect(policyOf('good')).toBe('"per-minute";q=10;w=60');
    consume(limiter, 'bad', 10);
    expect(consume(limiter, 'bad').allowed).toBe(false);
    expect(policyOf('bad')).toBe('"per-minute";q=5;w=60');
    expect(policyOf('good')).toBe('"per-minute";q=10;w=60');
  });
});
