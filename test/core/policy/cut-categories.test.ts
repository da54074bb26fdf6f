import { definePolicy, perMinute } from '@tollgate/core';
import { expect, it } from 'vitest';
import { memoryInUse } from '../memory-in-use.js';

it('a policy remembers categories that are cut out of long URLs, and not the URLs', () => {
  const policy = definePolicy({ quotas: [perMinute(5)] });
  const before = memoryInUse();
  for (let index = 0; index < 2000; index++) {
    const url = `/category-${String(index).padStart(8, '0')}/${'x'.repeat(15_000)}`;
    policy.resolve({ category: url.split('/')[1]! });
  }
  expect(memoryInUse() - before).toBeLessThan(2000 * 5000);
});
