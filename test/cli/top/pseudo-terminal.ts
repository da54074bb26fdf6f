import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from '../../redis-servers/standalone.js';
import { BIN } from '../tollgate.js';

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** A command on a separate terminal, made by `script` and `stty`, which are on every Debian. */
export class PseudoTerminal {
  readonly #script: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';

  private constructor(script: ChildProcess) {
    this.#script = script;
    this.#ended = once(script, 'close');
    script.stdout!.setEncoding('utf8').on('data', (text) => {
      this.#output += text;
    });
  }

  /** Starts the command. The terminal's settings are printed before and after it, and also its exit code. */
  static async start(args: readonly string[], { rows, columns }: Size): Promise<PseudoTerminal> {
    const command = [process.execPath, BIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const inner = `echo "pid $$"; exec ${command}`;
    const line = [
      `stty rows ${rows} cols ${columns}; echo "tty $(tty)"; echo "before $(stty -g)"`,
      `sh -c '${inner.replaceAll("'", "'\\''")}'; echo "code $?"; echo "after $(stty -g)"`,
    ].join('; ');
    const env = { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' };
    const terminal = new PseudoTerminal(spawn('script', ['-qfec', line, '/dev/null'], { env }));
    await until('the command to start', () => /^pid \d+\r$/m.test(terminal.#output));
    return terminal;
  }

  /** The whole output, with control characters. */
  get output(): string {
    return this.#output;
  }

  /** The lines on the screen: the last complete frame. */
  get screen(): string[] {
    const end = this.#output.lastIndexOf(END);
    const begin = this.#output.lastIndexOf(BEGIN, end);
    return begin < 0 ? [] : this.#output.slice(begin, end).replace(CONTROLS, '').split(/\r+\n/);
  }

  get framesDrawn(): number {
    return this.#output.split(END).length - 1;
  }

  /** A value that the shell printed before or after the command. */
  printed(what: 'tty' | 'pid' | 'code' | 'before' | 'after'): string | undefined {
    return new RegExp(`^(?:.*\u001b\\S+)?${what} (\\S+)\r$`, 'm').exec(this.#output)?.[1];
  }

  async shows(text: string | RegExp): Promise<void> {
    const screen = () => this.screen.join('\n');
    await until(`${text} on the screen`, () =>
      typeof text === 'string' ? screen().includes(text) : text.test(screen()),
    );
  }

  resize({ rows, columns }: Size): void {
    execFileSync('stty', ['-F', this.printed('tty')!, 'rows', String(rows), 'cols', String(columns)]);
  }

  type(keys: string): void {
    this.#script.stdin!.write(keys);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(Number(this.printed('pid')), signal);
  }

  /** Waits for the end of the command. */
  async ended(): Promise<void> {
    await until('the command to end', () => this.printed('after') !== undefined);
    this.#script.stdin!.end();
    await this.#ended;
  }

  dispose(): void {
    this.#script.kill('SIGKILL');
  }
}

const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
/** Colours, positions and modes. */
const CONTROLS = new RegExp(`${BEGIN[0]}\\[[?\\d;]*[A-Za-z]`, 'g');
