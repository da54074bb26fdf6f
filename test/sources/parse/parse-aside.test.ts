import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPolicyFile, type ParsedPolicy, PolicyFileError, parsePolicy, watchPolicyFile } from '@tollgate/sources';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { folder } from '../folder.js';

/** More accounts in YAML than the event loop parses: about 110 kB. */
function longYaml(limit: number): string {
  const lines = [
    `quotas: &usual [{ limit: ${limit}, windowMs: 60000 }]`,
    'accounts:',
    '  __proto__: { total: *usual }',
  ];
  for (let index = 0; index < 1500; index++) {
    lines.push(`  account-${index}:`, `    categories: { legs: [{ limit: ${index}, windowMs: 60000 }] }`);
  }
  return `${lines.join('\n')}\n`;
}

function fileWith(text: string): string {
  const path = join(folder(), 'policy.yaml');
  writeFileSync(path, text);
  return path;
}

/** The longest time, in milliseconds, for which the event loop stood still until the promise settled. */
async function longestPause(until: Promise<unknown>): Promise<number> {
  let longest = 0;
  let before = performance.now();
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  until.then(done, done);
  while (!isDone) {
    await new Promise((next) => setImmediate(next));
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}

describe('a long file', () => {
  it('in YAML leaves the event loop free while it is parsed', { retry: 2 }, async () => {
    const text = longYaml(5);
    const path = fileWith(text);
    const begin = performance.now();
    parsePolicy(text);
    const parsing = performance.now() - begin;
    const loading = loadPolicyFile(path);
    expect(await longestPause(loading)).toBeLessThan(parsing / 2);
    await loading;
  });

  it('is the policy that the event loop would parse', async () => {
    const text = longYaml(5);
    const here = parsePolicy(text);
    const aside = await loadPolicyFile(fileWith(text));
    expect(JSON.stringify(aside.options)).toBe(JSON.stringify(here.options));
    for (const account of ['account-7', '__proto__', 'other']) {
      const query = { category: 'legs', account };
      expect(aside.policy.explain(query)).toEqual(here.policy.explain(query));
    }
    const option = 'policy.accounts.account-7.categories.legs[0].limit';
    expect(aside.positionOf(option)).toEqual(here.positionOf(option));
    expect(aside.positionOf(option)).toBeDefined();
  });

  it.each([
    ['in YAML', `${longYaml(5)}  last: { quotas: 5 }\n`],
    ['in JSON', JSON.stringify({ ...parsePolicy(longYaml(5)).options, total: 5 })],
    ['that is no policy', 'secret: hunter2\n'.repeat(10_000)],
    ['with a mistake of syntax', `${longYaml(5)}\n\t- :`],
  ])('%s has the same errors as a short one', async (_, text) => {
    const path = fileWith(text);
    const error = await loadPolicyFile(path).catch((error: unknown) => error as PolicyFileError);
    let expected: unknown;
    try {
      parsePolicy(text, { file: path });
    } catch (thrown) {
      expected = thrown;
    }
    expect(expected).toBeInstanceOf(PolicyFileError);
    expect(error).toBeInstanceOf(PolicyFileError);
    const { message, file, problems, mayBeQuoted } = expected as PolicyFileError;
    expect(error).toMatchObject({ message, file, problems, mayBeQuoted });
  });

  it('that is watched is followed, and a wrong one changes nothing', async () => {
    const path = fileWith(longYaml(1));
    const limits: number[] = [];
    const onPolicy = ({ policy }: ParsedPolicy) => limits.push(policy.resolve({ category: 'legs' }).quotas[0]!.limit);
    const watch = await watchPolicyFile(path, { settleMs: 20, onPolicy });
    onTestFinished(() => watch.close());
    writeFileSync(path, longYaml(2));
    await vi.waitFor(() => expect(limits).toEqual([2]), { timeout: 20_000, interval: 5 });
    writeFileSync(path, `${longYaml(3)}  last: { quotas: 5 }\n`);
    await vi.waitFor(() => expect(watch.error?.problems[0]?.option).toBe('policy.accounts.last.quotas'), {
      timeout: 20_000,
      interval: 5,
    });
    expect(limits).toEqual([2]);
    expect(watch.policy.resolve({ category: 'legs' }).quotas[0]!.limit).toBe(2);
  });
});
