import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../packages/pack.js';

export const BIN: string = join(ROOT, 'packages/cli/bin/tollgate.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
}

/** Runs the command to its end, as a shell would. A command that hangs is killed: it has a signal instead of a code. */
export async function tollgate(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return started(args, options).ended;
}

/** Starts the command, for a test that acts while it runs. */
export function started(
  args: readonly string[],
  { env = {}, input = '', cwd }: RunOptions = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const { REDIS_URL: _redisUrl, NO_COLOR: _noColor, FORCE_COLOR: _force, ...own } = process.env;
  const child = spawn(process.execPath, [BIN, ...args], { env: { ...own, ...env }, cwd, timeout: 60_000 });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code, signal], stdout, stderr]) => ({ code, signal, stdout, stderr }),
  );
  return { child, ended };
}
