import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Layer } from '@tollgate/core';
import type { ParsedPolicy, PolicyFileError } from '@tollgate/sources';
import { NegativeResult, UsageError } from '../exit-codes.js';

/**
 * Reads a policy from a file, or from stdin for `-`.
 *
 * @throws NegativeResult with all problems of the policy, UsageError when the file cannot be read.
 */
export async function readPolicy(file: string): Promise<ParsedPolicy> {
  const [text, { parsePolicy }] = await Promise.all([readText(file), loadSources()]);
  return parsed(() => parsePolicy(text, { file: shownFile(file) }));
}

/** Reads the layer of one account; otherwise as {@link readPolicy}. */
export async function readLayer(file: string): Promise<Layer> {
  const [text, { parseLayer }] = await Promise.all([readText(file), loadSources()]);
  return parsed(() => parseLayer(text, { file: shownFile(file) }).options);
}

/** The package with its parser of YAML. Most commands read no file, and it takes a part of the start time. */
export function loadSources(): Promise<typeof import('@tollgate/sources')> {
  return import('@tollgate/sources');
}

/** The problems of a text, if that is what was thrown. */
export function asPolicyFileError(thrown: unknown): PolicyFileError | undefined {
  const isOne = thrown instanceof Error && 'code' in thrown && thrown.code === 'TOLLGATE_POLICY_FILE';
  return isOne ? (thrown as PolicyFileError) : undefined;
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
    throw asPolicyFileError(error) === undefined ? error : new NegativeResult((error as Error).message);
  }
}
