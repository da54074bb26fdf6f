import { writeSync } from 'node:fs';
import type { ReadStream } from 'node:tty';

/**
 * The terminal's other screen, which is drawn over and over, and left as it was found however the process ends. Each frame
 * is one write over the last one, so that nothing flickers.
 */
export class LiveScreen {
  readonly #output: typeof process.stdout;
  readonly #input: ReadStream | undefined;
  readonly #onKey: (key: Buffer) => void;
  readonly #atExit = () => this.close();
  #isOpen = false;

  /** `input` gives its keys to `onKey` one read at a time, and shows none of them. */
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

  /** At once, since there may be no later. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#atExit);
    try {
      this.#input?.off('data', this.#onKey).pause();
      this.#input?.setRawMode(false);
      writeSync(this.#output.fd, LEAVE);
    } catch {
      // A terminal that is gone needs nothing.
    }
  }
}

// The other screen, no cursor, and no line that goes on in the next one.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';
// Terminals that know these show all that is between them at once; others pass them over.
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
