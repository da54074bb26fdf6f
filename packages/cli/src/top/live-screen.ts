import { writeSync } from 'node:fs';
import type { ReadStream } from 'node:tty';

/**
 * The alternate screen of the terminal. It is left, and the terminal restored, however the process ends. Each frame is
 * one write over the last one, so that nothing flickers.
 */
export class LiveScreen {
  readonly #output: typeof process.stdout;
  readonly #input: ReadStream | undefined;
  readonly #onKey: (key: Buffer) => void;
  readonly #atExit = () => this.close();
  #isOpen = false;

  /** The keys of `input` go to `onKey`, and are not shown. */
  constructor(output: typeof process.stdout, input: ReadStream | undefined, onKey: (key: Buffer) => void) {
    this.#output = output;
    this.#input = input;
    this.#onKey = onKey;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    process.once('exit', this.#atExit);
    this.#input?.setRawMode(true);
    this.#input?.on('data', this.#onKey).resume();
    this.#output.write(ENTER);
  }

  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const seen = lines.slice(0, this.#output.rows);
    this.#output.write(`${BEGIN}${HOME}${seen.map((line) => line + REST_OF_LINE).join('\r\n')}${REST_OF_SCREEN}${END}`);
  }

  /** Writes synchronously, since the process may be about to end. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#atExit);
    try {
      this.#input?.off('data', this.#onKey).pause();
      this.#input?.setRawMode(false);
      writeSync(this.#output.fd, LEAVE);
    } catch {
      // A closed terminal needs nothing.
    }
  }
}

// The alternate screen, no cursor, no line wrapping.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';
// Synchronized output: terminals show all text between the two at once, or ignore them.
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
