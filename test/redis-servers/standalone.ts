import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverBinary } from './server-binary.js';

export interface ServerOptions {
  readonly port?: number;
  /** More arguments, after those of every server. */
  readonly args?: readonly string[];
  /** Prepares the server's folder, and returns the whole command line. */
  readonly configure?: (folder: string) => readonly string[];
}

/** A real server in a process and a folder of its own. */
export class RunningServer {
  readonly port: number;
  readonly folder: string;
  readonly #line: readonly string[];
  #process: ChildProcess;

  private constructor(port: number, folder: string, line: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#line = line;
    this.#process = this.#spawn();
  }

  static async start({ port, args = [], configure }: ServerOptions = {}): Promise<RunningServer> {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-redis-'));
    const ownPort = port ?? (await freePort());
    const own = ['--port', String(ownPort), '--bind', '127.0.0.1', '--dir', folder, '--logfile', 'server.log'];
    const line = configure?.(folder) ?? [...own, '--save', '', '--appendonly', 'no', ...args];
    const server = new RunningServer(ownPort, folder, line);
    await server.#answering();
    return server;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Suspends the process: connections stay open and nothing answers. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  /** Ends the process at once, as a crash does. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  /** Starts the server again on the same port, with its persisted data if it has any. */
  async restart(): Promise<void> {
    await this.kill();
    this.#process = this.#spawn();
    await this.#answering();
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    const child = spawn(serverBinary(), this.#line, { stdio: 'ignore' });
    running.add(child);
    child.once('exit', () => running.delete(child));
    // `#answering` reports it, with the log.
    child.once('error', () => running.delete(child));
    return child;
  }

  async #answering(): Promise<void> {
    try {
      await until('the server to answer', () => answers(this.port));
    } catch (error) {
      throw new Error(`A Redis server did not start:\n${this.#log()}`, { cause: error });
    }
  }

  #log(): string {
    try {
      return readFileSync(join(this.folder, 'server.log'), 'utf8').split('\n').slice(-15).join('\n');
    } catch {
      return 'it left no log';
    }
  }
}

/** Ends with this process, however that ends. */
const running = new Set<ChildProcess>();
const endAll = () => {
  for (const child of running) child.kill('SIGKILL');
};
process.once('exit', endAll);
// Test runners end their workers by this signal, after which there is no `exit`.
process.once('SIGTERM', () => {
  endAll();
  process.kill(process.pid, 'SIGTERM');
});

/**
 * A port that is free now, from below those that systems give to outgoing connections: a client that tries to reach a
 * server that has ended must not be given the server's own port.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 11_000 + Math.floor(Math.random() * 9000);
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return port;
    } catch {
      // The port is taken: try another one.
    } finally {
      server.close();
    }
  }
  throw new Error('Found no free port from 11000 to 19999');
}

/** Waits until the check passes. The error of a timeout names what was waited for. */
export async function until(what: string, check: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> {
  const startedAt = performance.now();
  while (!(await check())) {
    if (performance.now() - startedAt > withinMs) throw new Error(`Waited ${withinMs} ms in vain for ${what}`);
    await sleep(20);
  }
}

/** Any answer counts, even one that asks for a password. */
async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
