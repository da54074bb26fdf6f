import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MemoryStore, RateLimiter } from '@tollgate/core';
import { type PolicyFileError, type PolicyWatch, type WatchOptions, watchPolicyFile } from '@tollgate/sources';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ROOT } from '../../docs/fences.js';
import { folder, perMinuteText } from '../folder.js';

/** Events alone cause a reading, unless a test sets another `pollMs`. */
const BY_EVENTS = { settleMs: 20, pollMs: 86_400_000 };

async function watching(path: string, options: WatchOptions = {}) {
  const limits: number[] = [];
  const errors: PolicyFileError[] = [];
  const watch = await watchPolicyFile(path, {
    ...BY_EVENTS,
    onPolicy: ({ policy }) => limits.push(policy.resolve({ category: 'legs' }).quotas[0]!.limit),
    onError: (error) => errors.push(error),
    ...options,
  });
  onTestFinished(() => watch.close());
  const until = (limit: number) => vi.waitFor(() => expect(limits.at(-1)).toBe(limit), WAIT);
  const untilRefused = (what: RegExp) => vi.waitFor(() => expect(watch.error?.message).toMatch(what), WAIT);
  return { watch, limits, errors, until, untilRefused };
}

const WAIT = { timeout: 10_000, interval: 5 };

const limitOf = ({ policy }: { readonly policy: PolicyWatch['policy'] }) =>
  policy.resolve({ category: 'legs' }).quotas[0]!.limit;

describe('a change is noticed', () => {
  const path = () => {
    const file = join(folder(), 'policy.yaml');
    writeFileSync(file, perMinuteText(1));
    return file;
  };

  it('of a file that is written in place several times', async () => {
    const file = path();
    const { until, limits, errors } = await watching(file);
    for (let limit = 2; limit <= 6; limit++) {
      writeFileSync(file, perMinuteText(limit));
      await until(limit);
    }
    expect(limits).toEqual([2, 3, 4, 5, 6]);
    expect(errors).toEqual([]);
  });

  it('of a file that is replaced by a rename several times', async () => {
    const file = path();
    const { until, errors } = await watching(file);
    for (let limit = 2; limit <= 6; limit++) {
      writeFileSync(`${file}.new`, perMinuteText(limit));
      renameSync(`${file}.new`, file);
      await until(limit);
    }
    expect(errors).toEqual([]);
  });

  it('of a file that is deleted and later made again', async () => {
    const file = path();
    const { watch, until, untilRefused, errors } = await watching(file);
    unlinkSync(file);
    await untilRefused(/cannot be read: ENOENT/);
    expect(limitOf(watch)).toBe(1);
    writeFileSync(file, perMinuteText(2));
    await until(2);
    expect(watch.error).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'TOLLGATE_POLICY_FILE', file, problems: [], cause: { code: 'ENOENT' } });
  });

  it('of a file whose directory is deleted and later made again', async () => {
    const directory = join(folder(), 'conf');
    const file = join(directory, 'policy.yaml');
    mkdirSync(directory);
    writeFileSync(file, perMinuteText(1));
    const { until, untilRefused } = await watching(file);
    for (const limit of [2, 3]) {
      rmSync(directory, { recursive: true });
      await untilRefused(/ENOENT/);
      mkdirSync(directory);
      writeFileSync(file, perMinuteText(limit));
      await until(limit);
    }
    writeFileSync(file, perMinuteText(4));
    await until(4);
  });

  it('of a ConfigMap that Kubernetes updates', async () => {
    const directory = folder();
    const write = (version: number) => {
      mkdirSync(join(directory, `..${version}`));
      writeFileSync(join(directory, `..${version}`, 'policy.yaml'), perMinuteText(version));
      symlinkSync(`..${version}`, join(directory, '..data_tmp'));
      renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
      rmSync(join(directory, `..${version - 1}`), { recursive: true, force: true });
    };
    write(1);
    symlinkSync('..data/policy.yaml', join(directory, 'policy.yaml'));
    const { until, errors, limits } = await watching(join(directory, 'policy.yaml'));
    for (let version = 2; version <= 5; version++) {
      write(version);
      await until(version);
    }
    expect(limits).toEqual([2, 3, 4, 5]);
    expect(errors).toEqual([]);
  });

  it('of the target of a symbolic link, and of a link above the directory', async () => {
    const root = folder();
    for (const release of ['a', 'b']) {
      mkdirSync(join(root, 'releases', release), { recursive: true });
      writeFileSync(join(root, 'releases', release, 'policy.yaml'), perMinuteText(release === 'a' ? 1 : 2));
    }
    symlinkSync(join(root, 'releases/a'), join(root, 'current'));
    const { until } = await watching(join(root, 'current', 'policy.yaml'));
    symlinkSync('releases/b', join(root, 'next'));
    renameSync(join(root, 'next'), join(root, 'current'));
    await until(2);
    writeFileSync(join(root, 'releases/b/policy.yaml'), perMinuteText(3));
    await until(3);
  });

  it('without an event, at the next poll', async () => {
    const root = folder();
    for (const [name, limit] of [
      ['conf', 1],
      ['next', 2],
    ] as const) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'policy.yaml'), perMinuteText(limit));
    }
    const { until } = await watching(join(root, 'conf/policy.yaml'), { pollMs: 100 });
    // The watcher follows the directory that was moved away.
    renameSync(join(root, 'conf'), join(root, 'before'));
    renameSync(join(root, 'next'), join(root, 'conf'));
    await until(2);
    writeFileSync(join(root, 'conf/policy.yaml'), perMinuteText(3));
    await until(3);
  });
});

it('the last content of a file is in force after any sequence of changes', async () => {
  const step = fc.record({
    how: fc.constantFrom('write', 'rename', 'delete', 'delete the directory', 'link', 'link the directory', 'break'),
    waitMs: fc.constantFrom(0, 0, 1, 10, 40),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.constantFrom('write', 'rename', 'link', 'link the directory'),
      async (steps, end) => {
        const root = folder();
        const directory = join(root, 'conf');
        const file = join(directory, 'policy.yaml');
        let limit = 1;
        /** Makes the directory if it is missing, and removes broken links. */
        const prepare = () => {
          if (!existsSync(directory)) {
            rmSync(directory, { recursive: true, force: true });
            mkdirSync(directory);
          }
          if (!existsSync(file)) rmSync(file, { force: true });
        };
        const act = (how: (typeof steps)[number]['how']) => {
          limit++;
          const text = perMinuteText(limit);
          const fresh = join(root, `${limit}`);
          prepare();
          if (how === 'write') writeFileSync(file, text);
          else if (how === 'break') writeFileSync(file, text.slice(0, -5));
          else if (how === 'delete') rmSync(file, { force: true });
          else if (how === 'delete the directory') rmSync(directory, { recursive: true });
          else if (how === 'rename') {
            writeFileSync(fresh, text);
            renameSync(fresh, file);
          } else if (how === 'link') {
            writeFileSync(fresh, text);
            symlinkSync(fresh, `${fresh}.link`);
            renameSync(`${fresh}.link`, file);
          } else {
            mkdirSync(fresh);
            writeFileSync(join(fresh, 'policy.yaml'), text);
            rmSync(directory, { recursive: true });
            symlinkSync(fresh, directory);
          }
        };
        act('write');
        const watch = await watchPolicyFile(file, { ...BY_EVENTS, onError: () => {} });
        try {
          for (const { how, waitMs } of steps) {
            act(how);
            if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
          }
          act(end);
          await vi.waitFor(() => expect(limitOf(watch)).toBe(limit), WAIT);
          expect(watch.error).toBeUndefined();
        } finally {
          await watch.close();
        }
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});

describe('a watched file', () => {
  const path = (text = perMinuteText(1)) => {
    const file = join(folder(), 'policy.yaml');
    writeFileSync(file, text);
    return file;
  };

  it('that cannot be used is refused as a whole and reported once, and the policy in force stays', async () => {
    const file = path();
    const limiter = new RateLimiter({ policy: { quotas: 'unlimited' } });
    const { watch, until, untilRefused, errors } = await watching(file, { limiter, pollMs: 100 });
    const before = watch.policy;
    expect(limiter.policy).toBe(before);
    writeFileSync(file, `${perMinuteText(2)}total: []\n`);
    await untilRefused(/policy\.yaml:4:1 Expected `policy.total`/);
    writeFileSync(file, `${perMinuteText(2)}total: [\n`);
    await untilRefused(/policy\.yaml:4:/);
    expect(watch.policy).toBe(before);
    expect(limiter.policy).toBe(before);
    writeFileSync(file, perMinuteText(3));
    await until(3);
    expect(watch.error).toBeUndefined();
    expect(limiter.policy).toBe(watch.policy);
    expect(limitOf(watch.parsed)).toBe(3);
    expect(errors.length).toBeLessThanOrEqual(2);
    expect(errors[0]!.problems).toMatchObject([{ option: 'policy.total', line: 4, column: 1 }]);
  });

  it('that has its old content again keeps its old policy', async () => {
    const file = path();
    const { watch, until, untilRefused, limits } = await watching(file);
    const before = watch.policy;
    writeFileSync(file, 'quotas: []');
    await untilRefused(/quotas/);
    writeFileSync(file, perMinuteText(1));
    await vi.waitFor(() => expect(watch.error).toBeUndefined(), WAIT);
    expect(watch.policy).toBe(before);
    expect(limits).toEqual([]);
    writeFileSync(file, perMinuteText(1));
    writeFileSync(file, perMinuteText(2));
    await until(2);
    expect(limits).toEqual([2]);
  });

  it('does not count while it is being written', async () => {
    const file = path();
    const { until, limits, errors } = await watching(file, { settleMs: 1000 });
    const text = perMinuteText(200);
    for (let length = 0; length <= text.length; length += 5) {
      // `limit: 2` is a valid policy too, but not the intended one.
      writeFileSync(file, text.slice(0, length));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    writeFileSync(file, text);
    await until(200);
    expect(limits).toEqual([200]);
    expect(errors).toEqual([]);
  });

  it('feeds any number of limiters, except those that left, are closed, or cannot use the policy', async () => {
    const file = path();
    const { watch, until, errors } = await watching(file);
    const limiters = Array.from({ length: 3 }, () => new RateLimiter({ policy: watch.policy }));
    const [stays, leaves, closes] = limiters as [RateLimiter, RateLimiter, RateLimiter];
    const store = new MemoryStore();
    const cannotPardon = {
      consume: (...charge: Parameters<MemoryStore['consume']>) => store.consume(...charge),
      peek: (...charge: Parameters<MemoryStore['peek']>) => store.peek(...charge),
      refund: () => {},
      reset: () => {},
      close: () => {},
    };
    const cannot = new RateLimiter({ policy: watch.policy, store: cannotPardon });
    const [, leave] = [...limiters, cannot].map((limiter) => watch.feed(limiter));
    const before = watch.policy;
    leave!();
    await closes.close();
    const throttle = 'throttle: { afterViolations: 1, withinMs: 1000, forMs: 1000, factor: 0.5 }\n';
    writeFileSync(file, perMinuteText(2) + throttle);
    await until(2);
    expect(stays.policy).toBe(watch.policy);
    for (const limiter of [leaves, closes, cannot]) expect(limiter.policy).toBe(before);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ file, cause: { code: 'TOLLGATE_OPTION_CONFLICT' } });
    expect(watch.error).toBeUndefined();
    expect(() => watch.feed(cannot)).toThrow(expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' }));
    expect(() => watch.feed({} as never)).toThrow(expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' }));
    await expect(watchPolicyFile(file, { limiter: cannot })).rejects.toMatchObject({
      code: 'TOLLGATE_OPTION_CONFLICT',
    });
  });

  it('causes process warnings without onError, and for callbacks that fail', async () => {
    const file = path();
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const watch = await watchPolicyFile(file, {
      ...BY_EVENTS,
      onPolicy: () => Promise.reject(new Error('did not like it')),
    });
    onTestFinished(() => watch.close());
    writeFileSync(file, 'quotas: []');
    await vi.waitFor(() => expect(warnings.join()).toMatch(/changes nothing: .*policy\.yaml:1:1 Expected/), WAIT);
    writeFileSync(file, perMinuteText(2));
    await vi.waitFor(() => expect(warnings.join()).toMatch(/`onPolicy` failed: did not like it/), WAIT);
    expect(limitOf(watch)).toBe(2);
  });

  it('is watched from its first reading on', async () => {
    for (let round = 0; round < 5; round++) {
      const file = path();
      const begun = watching(file);
      writeFileSync(file, perMinuteText(2));
      const { watch } = await begun;
      await vi.waitFor(() => expect(limitOf(watch)).toBe(2), WAIT);
    }
  });

  it('must be valid at the start', async () => {
    await expect(watchPolicyFile(path('quotas: []'))).rejects.toMatchObject({ code: 'TOLLGATE_POLICY_FILE' });
    await expect(watchPolicyFile(join(folder(), 'none'))).rejects.toMatchObject({ code: 'TOLLGATE_POLICY_FILE' });
    for (const [options, code] of [
      [{ settleMs: 0 }, 'TOLLGATE_OPTION_RANGE'],
      [{ pollMs: 99 }, 'TOLLGATE_OPTION_RANGE'],
      [{ onError: 5 }, 'TOLLGATE_OPTION_TYPE'],
      [{ limiter: {} }, 'TOLLGATE_OPTION_TYPE'],
      [{ nope: 1 }, 'TOLLGATE_OPTION_UNKNOWN'],
    ] as const) {
      await expect(watchPolicyFile(path(), options as never)).rejects.toMatchObject({ code });
    }
  });

  it('is not followed after close, which may be called twice', async () => {
    const file = path();
    const { watch, limits } = await watching(file, { pollMs: 100 });
    const limiter = new RateLimiter({ policy: watch.policy });
    watch.feed(limiter);
    await Promise.all([watch.close(), watch.close()]);
    const other = await watching(file);
    writeFileSync(file, perMinuteText(2));
    await other.until(2);
    expect(limits).toEqual([]);
    expect(limitOf(limiter)).toBe(1);
  });

  it('is still polled when the system cannot watch more files', async () => {
    const file = path();
    const program = `import fs, { writeFileSync } from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      fs.watch = () => { throw Object.assign(new Error('no space left'), { code: 'ENOSPC' }); };
      syncBuiltinESMExports();
      process.on('warning', ({ message }) => console.log(message));
      const { watchPolicyFile } = await import('@tollgate/sources');
      const alive = setTimeout(() => {}, 10_000);
      const onPolicy = ({ policy }) => {
        console.log(policy.resolve({ category: 'legs' }).quotas[0].limit);
        clearTimeout(alive);
      };
      await watchPolicyFile(${JSON.stringify(file)}, { pollMs: 100, settleMs: 20, onPolicy });
      writeFileSync(${JSON.stringify(file)}, ${JSON.stringify(perMinuteText(2))});`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--no-warnings', '--input-type=module', '-e', program],
      { cwd: ROOT, timeout: 20_000 },
    );
    expect(stdout).toBe(`${file} cannot be watched, and is only read from time to time: Error: no space left\n2\n`);
  });

  it('does not keep the process alive', async () => {
    const program = `import { watchPolicyFile } from '@tollgate/sources';
      const watch = await watchPolicyFile(${JSON.stringify(path())});
      setTimeout(() => console.log('ended'), 300);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: ROOT,
      timeout: 20_000,
    });
    expect(stdout).toBe('ended\n');
  });
});
