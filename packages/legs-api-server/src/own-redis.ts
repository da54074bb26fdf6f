import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atTheEnd } from './ending.js';

/** A Redis or Valkey that ends with this process. It has a free port and a temporary folder, and saves no data. */
export class OwnRedis {
  readonly url: string;
  /** Ends the server at once, also while it is paused, and removes its folder. */
  readonly end: () => void;
  readonly #child: ChildProcess;

  private constructor(program: string, port: number) {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-demo-'));
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    const child = spawn(program, own, { stdio: 'ignore' });
    // `start` reports the failure when no answer comes.
    child.once('error', () => {});
    this.url = `redis://127.0.0.1:${port}`;
    this.#child = child;
    this.end = atTheEnd(() => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Starts a server, and waits until it answers. */
  static async start(): Promise<OwnRedis> {
    const program = onPath('redis-server') ?? onPath('valkey-server');
    if (program === undefined) {
      throw new Error('A Redis of its own needs redis-server or valkey-server, and neither is on the PATH');
    }
    const port = await freePort();
    const redis = new OwnRedis(program, port);
    const startedAt = performance.now();
    while (!(await answers(port))) {
      if (redis.#child.exitCode !== null || performance.now() - startedAt > START_MS) {
        redis.end();
        throw new Error(`${program} did not start`);
      }
      await sleep(20);
    }
    return redis;
  }

  /** Stops the process: connections stay open, and no command is answered. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}

const START_MS = 5000;

function onPath(name: string): string | undefined {
  const files = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('There is no free port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
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
