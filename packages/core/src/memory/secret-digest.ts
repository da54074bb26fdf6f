import { hash, randomBytes } from 'node:crypto';

/** The longest name that a table keeps as it is, in UTF-16 code units. */
export const LONGEST_KEPT = 64;

/** The bytes of a digest. Two names of one digest would share a counter, so there are enough of them. */
export const DIGEST_BYTES = 16;

/**
 * The digest of a long name, in hexadecimal digits. It begins with a secret of the process, so a client can neither
 * choose names of one digest nor recognise a name by its digest.
 */
export function secretDigest(name: string): string {
  // UTF-16, since UTF-8 writes every lone surrogate as the same replacement character.
  const bytes = Buffer.allocUnsafe(SECRET.length + 2 * name.length);
  SECRET.copy(bytes);
  bytes.write(name, SECRET.length, 'utf16le');
  return hash('sha256', bytes, 'hex').slice(0, 2 * DIGEST_BYTES);
}

const SECRET = randomBytes(32);
