import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { checkInteger, checkOptions, checkString } from '@tollgate/core/kit';
import { parsePolicyAside } from './parse-aside.js';
import type { ParsedPolicy } from './parse-policy.js';
import { PolicyFileError } from './policy-file-error.js';

export interface LoadOptions {
  /** The maximum size of the file in bytes: an integer from 1 to 104857600, default 1048576 (1 MiB). */
  readonly maxBytes?: number;
}

/**
 * Reads a policy from a file in JSON or YAML, in UTF-8; see {@link parsePolicy} for its format. A worker thread parses
 * YAML of more than 100,000 characters.
 *
 * Rejects with a `PolicyFileError`, `TOLLGATE_POLICY_FILE`, when the policy is not valid, or when the path cannot be
 * read, is not a file, is larger than `maxBytes` or is not UTF-8. `cause` is the error of the system, if there is one.
 */
export async function loadPolicyFile(path: string, options: LoadOptions = {}): Promise<ParsedPolicy> {
  checkOptions('loadPolicyFile', options, ['maxBytes']);
  return parsePolicyAside(await readPolicyFile(path, options.maxBytes), path);
}

/** The text of a file. */
export async function readPolicyFile(path: string, maxBytes: number = MAX_BYTES): Promise<string> {
  checkString('path', path);
  checkInteger('maxBytes', maxBytes, 1, 100 * MAX_BYTES);
  const refuse = (why: string, cause?: unknown) =>
    new PolicyFileError(path, `${path} cannot be read: ${why}`, cause === undefined ? {} : { cause });
  let bytes: Buffer;
  let file: FileHandle | undefined;
  try {
    // Opening a pipe without a writer would wait for one.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!(await file.stat()).isFile()) throw refuse('it is not a file');
    bytes = await readBounded(file, maxBytes + 1);
  } catch (error) {
    throw error instanceof PolicyFileError
      ? error
      : refuse(error instanceof Error ? error.message : String(error), error);
  } finally {
    await file?.close();
  }
  if (bytes.length > maxBytes) throw refuse(`it has more than ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw refuse('it is not UTF-8', error);
  }
}

async function readBounded(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < maxBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes - length));
    const { bytesRead } = await file.read(chunk, 0, chunk.length);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks, length);
}

const MAX_BYTES = 1_048_576;
const CHUNK_BYTES = 65_536;
