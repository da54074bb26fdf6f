import { styleText } from 'node:util';
import { shownJson } from './safe-text.js';

export interface OutputOptions {
  /** Prints one JSON document, for programs. */
  readonly json?: boolean;
}

/** Prints the result of a command on stdout: `value` as JSON, or `text` for people. */
export function printResult({ json }: OutputOptions, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? shownJson(value) : text()}\n`);
}

/** Prints a warning on stderr, in colour on a terminal. */
export function printWarning(text: string): void {
  // `hasColors` follows NO_COLOR and similar variables. Files and pipes have no such method.
  const isColored = process.stderr.isTTY && process.stderr.hasColors();
  process.stderr.write(`${isColored ? styleText(['bold', 'red'], text) : text}\n`);
}

/** Prints an error or a note on stderr. */
export function printError(text: string): void {
  process.stderr.write(`tollgate: ${text}\n`);
}
