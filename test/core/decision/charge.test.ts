import { MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';

describe('a field that a charge does not have', () => {
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(5)] }, store: new MemoryStore({ clock: () => 0 }) });
  const misspelt = { account: 'a', category: 'legs', costs: 9 };
  const refused = expect.objectContaining({
    code: 'TOLLGATE_OPTION_UNKNOWN',
    message:
      'Unknown option `charge.costs`: expected one of account, address, category, cost, plan, region, environment, subjects',
  });

  it('is refused, and charges nothing', async () => {
    for (const method of ['consume', 'peek', 'consumeOrThrow'] as const) {
      expect(() => limiter[method](misspelt as never)).toThrow(refused);
    }
    for (const field of ['Account', '__proto', 'toString', 'a\0', 'x'.repeat(10_000_000)]) {
      expect(() => limiter.consume({ account: 'a', category: 'legs', [field]: 1 } as never)).toThrow(/^Unknown option/);
    }
    expect((await limiter.peek({ account: 'a', category: 'legs' })).tightest?.used).toBe(0);
  });

  it('is refused within 16 charges also after thousands of good ones, and then each time', () => {
    for (let sent = 0; sent < 5000; sent++) limiter.consume({ account: 'good', category: 'legs' });
    let passed = 0;
    const send = () => {
      try {
        limiter.consume({ ...misspelt, account: 'late' } as never);
        passed++;
      } catch (error) {
        expect(error).toEqual(refused);
      }
    };
    for (let sent = 0; sent < 16; sent++) send();
    expect(passed).toBeLessThan(16);
    passed = 0;
    for (let sent = 0; sent < 500; sent++) send();
    expect(passed).toBe(0);
  });

  it('may be on a prototype, which nobody has set for this charge', async () => {
    const charge = Object.assign(Object.create({ helper: 1 }), { account: 'b', category: 'legs' });
    expect((await limiter.consume(charge)).allowed).toBe(true);
  });
});
