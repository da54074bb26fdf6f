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

export interface Circumstances {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
}

/** Runs the command as a shell would, to its end; one that hangs is killed, and has a signal in place of a code. */
export async function tollgate(args: readonly string[], circumstances: Circumstances = {}): Promise<Ended> {
  return started(args, circumstances).ended;
}

/** Starts the command, for a test that has something to do while it runs. */
export function started(
  args: readonly string[],
  { env = {}, input = '', cwd }: Circumstances = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const { REDIS_URL: _given, NO_COLOR: _noColor, FORCE_COLOR: _force, ...own } = process.env;
  const child = spawn(process.execPath, [BIN, ...args], { env: { ...own, ...env }, cwd, timeout: 60_000 });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code, signal], stdout, stderr]) => ({ code, signal, stdout, stderr }),
  );
  return { child, ended };
}
