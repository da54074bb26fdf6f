import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPolicyFile } from '@tollgate/sources';
import { describe, expect, it } from 'vitest';
import { folder, perMinuteText } from '../folder.js';

describe('a policy file', () => {
  it.each(['\uFEFF', '# Limits für alle\r\n', ''])('is read as UTF-8, after %j', async (begin) => {
    const path = join(folder(), 'policy.yaml');
    writeFileSync(path, `${begin}${perMinuteText(5)}plans: { größer: { total: unlimited } }\n`);
    const { policy, options, positionOf } = await loadPolicyFile(path);
    expect(policy.resolve({ category: 'legs' }).quotas[0]!.limit).toBe(5);
    expect(Object.keys(options.plans!)).toEqual(['größer']);
    expect(positionOf('policy.quotas')).toEqual({ line: begin.includes('\n') ? 2 : 1, column: 1 });
  });

  it('has its path in its errors', async () => {
    const path = join(folder(), 'policy.yaml');
    writeFileSync(path, 'quotas: unlimited\ntotal: 5\n');
    await expect(loadPolicyFile(path)).rejects.toMatchObject({
      name: 'PolicyFileError',
      file: path,
      message: `${path}:2:1 Expected \`policy.total\` to be an array of 1 to 8 quotas or 'unlimited', got 5`,
    });
  });

  it('may have up to maxBytes bytes', async () => {
    const path = join(folder(), 'policy.yaml');
    const text = `quotas: unlimited\n${'# é\n'.repeat(50_000)}`;
    writeFileSync(path, text);
    const bytes = Buffer.byteLength(text);
    expect((await loadPolicyFile(path, { maxBytes: bytes })).options).toEqual({ quotas: 'unlimited' });
    await expect(loadPolicyFile(path, { maxBytes: bytes - 1 })).rejects.toMatchObject({
      message: `${path} cannot be read: it has more than ${bytes - 1} bytes`,
      problems: [],
    });
    writeFileSync(path, Buffer.alloc(1_048_577, ' '));
    await expect(loadPolicyFile(path)).rejects.toThrow(/more than 1048576 bytes/);
  });

  it('that cannot be read is refused, with the error of the system', async () => {
    const root = folder();
    mkdirSync(join(root, 'directory'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    writeFileSync(join(root, 'latin1'), Buffer.from('# für alle\nquotas: unlimited', 'latin1'));
    writeFileSync(join(root, 'utf16'), Buffer.from('\uFEFFquotas: unlimited', 'utf16le'));
    const refusals: Record<string, readonly [RegExp, unknown]> = {
      none: [/none cannot be read: ENOENT/, expect.objectContaining({ code: 'ENOENT' })],
      'directory/x/y': [/cannot be read: ENOENT/, expect.objectContaining({ code: 'ENOENT' })],
      'latin1/x': [/cannot be read: ENOTDIR/, expect.objectContaining({ code: 'ENOTDIR' })],
      directory: [/directory cannot be read: it is not a file/, undefined],
      pipe: [/pipe cannot be read: it is not a file/, undefined],
      latin1: [/latin1 cannot be read: it is not UTF-8/, expect.any(TypeError)],
      utf16: [/utf16 cannot be read: it is not UTF-8/, expect.any(TypeError)],
    };
    for (const [name, [message, cause]] of Object.entries(refusals)) {
      const error = await loadPolicyFile(join(root, name)).catch((error) => error);
      expect(error).toMatchObject({ code: 'TOLLGATE_POLICY_FILE', file: join(root, name), problems: [] });
      expect(error.message).toMatch(message);
      expect(error.cause).toEqual(cause);
    }
  });

  it.each([
    [['', {}], 'TOLLGATE_OPTION_RANGE'],
    [[5, {}], 'TOLLGATE_OPTION_TYPE'],
    [['policy.yaml', { maxBytes: 0 }], 'TOLLGATE_OPTION_RANGE'],
    [['policy.yaml', { encoding: 'latin1' }], 'TOLLGATE_OPTION_UNKNOWN'],
  ] as const)('is refused for invalid arguments: %j', async (given, code) => {
    await expect(loadPolicyFile(...(given as unknown as [string, object]))).rejects.toMatchObject({ code });
  });
});
