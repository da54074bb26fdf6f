import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packAll, ROOT } from './pack.js';

/** The packed packages as a registry's users meet them: publint for the manifest, attw for the types. */
describe('the packed packages pass', () => {
  const packed = packAll();
  afterAll(() => packed.dispose());

  function tool(...args: readonly string[]): string {
    return execFileSync('npx', ['--no', ...args], { cwd: ROOT, encoding: 'utf8' });
  }

  it.each(packed.tarballs.map((tarball) => [basename(tarball), tarball]))('publint and attw: %s', (_name, tarball) => {
    expect(tool('publint', 'run', '--strict', tarball)).toContain('All good!');
    // Nothing is imported from a command.
    if (/^tollgate-\d/.test(basename(tarball))) return;
    // A problem is an exit code other than 0, which throws.
    expect(tool('attw', tarball, '--profile', 'esm-only')).toContain('🟢');
  });
});
