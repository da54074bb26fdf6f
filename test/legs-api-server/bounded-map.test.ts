import { expect, it } from 'vitest';
import { BoundedMap } from '../../packages/legs-api-server/dist/api/accounts.js';

it('removes the oldest entry for a new one, and none for a changed one', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('b', 3);
  expect(map.get('a')).toBe(1);
  map.set('c', 4);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([undefined, 3, 4, 2]);
});
