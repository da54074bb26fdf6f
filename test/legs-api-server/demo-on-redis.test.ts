import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverBinary } from '../redis-servers/server-binary.js';
import { until } from '../redis-servers/standalone.js';
import { DEMO, environment, FRAMEWORKS, run } from './programs.js';

describe('the demo with a Redis of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-demo-test-'));
  const path = join(folder, 'path');
  const left = join(folder, 'left');
  const pidFile = join(folder, 'pid');
  beforeAll(() => {
    mkdirSync(path);
    mkdirSync(left);
    // Starts the server that the tests use, and writes down its process id.
    const program = join(path, 'redis-server');
    writeFileSync(program, `#!/bin/sh\necho $$ > '${pidFile}'\nexec '${serverBinary()}' "$@"\n`);
    chmodSync(program, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const variables = () => environment({ PATH: `${path}${delimiter}${process.env['PATH']}`, TMPDIR: left });

  async function expectNothingLeft(): Promise<void> {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await until('the server of the demo to end', () => !runs(pid));
    expect(readdirSync(left)).toEqual([]);
  }

  it.each(FRAMEWORKS)('plays every scene on %s, and leaves no process and no file', async (framework) => {
    const { stdout, stderr } = await run(process.execPath, [DEMO, '--redis', `--${framework}`], { env: variables() });
    // On a slow machine the scene without Redis takes so long that the demo's own limits are reported as stale.
    expect(stderr.replaceAll(WARNING_OF_LIMITS, '')).toBe('');
    for (const line of [
      `The Legs API on ${framework}`,
      'Its counters are on Redis.',
      'ameyo5m/legs, 100 times: 100 admitted',
      '5 admitted with 202, the 6th refused with 429 and Retry-After: 2.',
      'to both servers in turn: 100 admitted, each with 202.',
      'Request 101 is refused with 429 by either.',
      '80 more to each server: 202.',
      'It has written them back, and both servers count them.',
      'There is one limit again.',
      'Every line above was checked as it happened.',
    ]) {
      expect(stdout).toContain(line);
    }
    await expectNothingLeft();
  });

  it('ends its Redis when SIGTERM ends the demo early', async () => {
    const demo = spawn(process.execPath, [DEMO, '--redis'], { env: variables(), stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    demo.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    await until('the second scene', () => printed.includes('2. The burst'));
    demo.kill('SIGTERM');
    expect(await once(demo, 'exit')).toEqual([143, null]);
    await expectNothingLeft();
  });

  it('prints one line if there is no server to start', async () => {
    const failure = run(process.execPath, [DEMO, '--redis'], { env: environment({ PATH: left }) });
    await expect(failure).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr:
        'The demo could not be played: A Redis of its own needs redis-server or valkey-server, and neither is on the PATH\n',
    });
  });
});

/** Whether a process runs; a zombie does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    // Not every system has /proc.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform !== 'linux';
  }
}

/** As Node prints it, with the note that it adds to the first warning. */
const WARNING_OF_LIMITS =
  /^(\(node:\d+\) \[TOLLGATE_LIMITS_(STALE|FRESH)\].*\nSee docs\/is-it-on\.md.*|\(Use `node --trace-warnings .*)\n/gm;
