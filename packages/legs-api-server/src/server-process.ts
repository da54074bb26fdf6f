import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atTheEnd } from './ending.js';
import type { Environment } from './settings.js';
import type { Framework } from './start-server.js';

/** The server of `npm start`, in a process of its own that lives no longer than this one. */
export class ServerProcess {
  readonly end: () => void;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #printed = '';

  constructor(framework: Framework, environment: Environment) {
    const main = fileURLToPath(new URL('main.js', import.meta.url));
    const child = spawn(process.execPath, [main, `--${framework}`], {
      env: { ...process.env, ...environment, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
      this.#changed();
    });
    child.once('exit', () => this.#changed());
    this.#child = child;
    this.end = atTheEnd(() => child.kill('SIGKILL'));
  }

  /** Where it listens, as soon as it does. */
  async origin(): Promise<string> {
    return (await this.printed(/listening on (http:\/\/\S+)\. /))[1]!;
  }

  /** Waits until the server has printed something. */
  printed(what: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        done();
      };
      const look = () => {
        const found = what.exec(this.#printed);
        if (found !== null) settle(() => resolve(found));
        else if (this.#child.exitCode !== null) settle(() => reject(new Error('a server ended too early')));
      };
      const timer = setTimeout(() => settle(() => reject(new Error(`no server printed ${what}`))), PATIENCE_MS);
      this.#listeners.add(look);
      look();
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

const PATIENCE_MS = 10_000;
