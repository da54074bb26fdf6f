import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Layer } from '@tollgate/core';
import { type ParsedPolicy, PolicyFileError, parseLayer, parsePolicy } from '@tollgate/sources';
import { Refusal, UsageError } from '../exit-codes.js';

/**
 * The policy in a file, or from stdin where the file is `-`.
 *
 * @throws Refusal with all that is wrong with it, UsageError when there is no such file.
 */
export async function readPolicy(file: string): Promise<ParsedPolicy> {
  const text = await readText(file);
  return refused(() => parsePolicy(text, { file: shownFile(file) }));
}

/** What holds for one account; otherwise as {@link readPolicy}. */
export async function readLayer(file: string): Promise<Layer> {
  const text = await readText(file);
  return refused(() => parseLayer(text, { file: shownFile(file) }).options);
}

/** Anything that can be read will do: a pipe is not a mishap here, as it would be in a service. */
export async function readText(file: string): Promise<string> {
  try {
    const bytes = file === '-' ? await buffer(process.stdin) : await readFile(file);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const why = error instanceof TypeError ? 'it is not UTF-8' : error instanceof Error ? error.message : String(error);
    throw new UsageError(`${shownFile(file)} cannot be read: ${why}`);
  }
}

export function shownFile(file: string): string {
  return file === '-' ? 'stdin' : file;
}

function refused<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof PolicyFileError ? new Refusal(error.message) : error;
  }
}
