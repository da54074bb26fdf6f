import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Layer } from '@tollgate/core';
import { type ParsedPolicy, PolicyFileError, parseLayer, parsePolicy } from '@tollgate/sources';
import { NegativeResult, UsageError } from '../exit-codes.js';

/**
 * Reads a policy from a file, or from stdin for `-`.
 *
 * @throws NegativeResult with all problems of the policy, UsageError when the file cannot be read.
 */
export async function readPolicy(file: string): Promise<ParsedPolicy> {
  const text = await readText(file);
  return parsed(() => parsePolicy(text, { file: shownFile(file) }));
}

/** Reads the layer of one account; otherwise as {@link readPolicy}. */
export async function readLayer(file: string): Promise<Layer> {
  const text = await readText(file);
  return parsed(() => parseLayer(text, { file: shownFile(file) }).options);
}

/** The file may be anything that can be read, such as a pipe, unlike the policy file of a service. */
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

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof PolicyFileError ? new NegativeResult(error.message) : error;
  }
}
