import { styleText } from 'node:util';

export interface AnswerOptions {
  /** For a program: one JSON document on stdout. */
  readonly json?: boolean;
}

/** What a command has found: `value` for a program, `text` for people. */
export function answer({ json }: AnswerOptions, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

/** What must not be overlooked, whatever is done with the answer. */
export function warn(text: string): void {
  // Of a terminal, and by what NO_COLOR and its kin say. Files and pipes have no such method.
  const isColored = process.stderr.isTTY && process.stderr.hasColors();
  process.stderr.write(`${isColored ? styleText(['bold', 'red'], text) : text}\n`);
}

/** What has to be said beside an answer, or in place of one. */
export function complain(text: string): void {
  process.stderr.write(`tollgate: ${text}\n`);
}
