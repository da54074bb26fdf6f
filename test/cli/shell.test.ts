import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { leaves } from './command-words.js';
import { BIN, tollgate } from './tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

describe('the help', () => {
  const all = leaves();

  it('exists for every command', () => {
    expect(all.map(([words]) => words)).toEqual([
      'policy check',
      'policy explain',
      'limits set',
      'limits get',
      'limits list',
      'limits history',
      'limits delete',
      'limits suspend',
      'limits resume',
      'peek',
      'reset',
      'pardon',
      'usage',
      'top',
    ]);
  });

  it.each(all)('of %s has its options, an example and the exit codes', async (words, { options }) => {
    const { code, stdout, stderr } = await tollgate([...words.split(' '), '--help']);
    for (const { flags } of options) expect(stdout).toContain(`  ${flags}`);
    expect(stdout).toContain('--json');
    expect(stdout).toMatch(new RegExp(`^Examples?:\\n( {2}tollgate ${words}.*\\n)+`, 'm'));
    expect(stdout).toMatch(/^Exit codes:\n {2}0 {2}done\n {2}1 {2}.*\n.*\n {2}2 {2}.*\n {2}3 {2}.*Redis/m);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('does not show the URL from the environment', async () => {
    const { stdout } = await tollgate(['peek', '--help'], { env: { REDIS_URL: 'no-url:hunter2' } });
    expect(stdout).toContain('REDIS_URL)');
    expect(stdout).not.toContain('hunter2');
  });

  it('is printed for a group of commands, which ends with 2', async () => {
    for (const words of [[], ['limits']]) {
      const { code, stdout, stderr } = await tollgate(words);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^Usage: tollgate /);
    }
  });
});

describe('an invalid command line', () => {
  it.each([
    [['limts'], "unknown command 'limts' (Did you mean limits?)"],
    [['reset', 'a', '--categry', 'x'], "unknown option '--categry' (Did you mean --category?)"],
    [['limits', '\u001b[2J'], "unknown command '\\u001b[2J'"],
    [['limits', 'get', 'a', 'b'], "too many arguments for 'get'. Expected 1 argument but got 2."],
    [['limits', 'list', '--timeout', '0'], 'Expected --timeout to be a whole number of milliseconds from 1 to 60000'],
    [['limits', 'list', '--prefix', '{}'], 'Expected --prefix to be 1 to 64 characters of A-Z a-z 0-9 . _ - : /'],
    [['limits', 'history', '--last', '0'], 'Expected --last to be a whole number from 1 to 1000'],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stdout, stderr } = await tollgate(args);
    expect([code, stdout, stderr]).toEqual([2, '', `tollgate: ${message}\n`]);
  });
});

describe('in a pipeline', () => {
  it('a reader that stops reading neither ends a command nor causes an error', async () => {
    const child = spawn(process.execPath, [BIN, 'policy', 'check', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdout.destroy();
    child.stdin.end('quotas: 5');
    const [[code, signal], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)]);
    expect([code, signal, stderr]).toEqual([1, null, '']);
  });

  it.skipIf(process.platform !== 'linux')('a full disk is reported in one line', async () => {
    const child = spawn(process.execPath, [BIN, '--help'], { stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] });
    const [[code], stderr] = await Promise.all([
      once(child, 'close'),
      text(child.stderr as NonNullable<typeof child.stderr>),
    ]);
    expect([code, stderr]).toEqual([70, 'tollgate: ENOSPC: no space left on device, write\n']);
  });

  it('prints its version', async () => {
    const { code, stdout } = await tollgate(['--version']);
    expect([code, stdout]).toEqual([0, '0.1.0\n']);
  });
});
