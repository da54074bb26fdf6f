import { ACCOUNT_WORDS } from '../record-layout.js';
import { DIGEST_BYTES, LONGEST_KEPT, secretDigest } from '../secret-digest.js';

/**
 * The account of the current charge, as the table looks it up: its hash, and its characters packed four to a word as in
 * a record. Of a name above 64 characters, the record has a digest instead, so a client cannot fill the memory with
 * long names. All charges share one key. It is read once per charge, however many counters the charge has.
 */
export class AccountKey {
  /** The packed characters or the digest. The words after them are undefined. */
  readonly words: Uint32Array = new Uint32Array(ACCOUNT_WORDS);
  /** The number of these words; 0 if the account is not packed. */
  wordCount = 0;
  /**
   * The number of characters, {@link DIGEST}, or {@link UNPACKED} if they are too many to be packed or one takes more
   * than a byte.
   */
  form = 0;
  hash = 0;
  text = '';
  /** A secret seed prevents hash flooding: without it, a client could choose accounts that share one chain. */
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  read(text: string): void {
    const { length } = text;
    this.text = text;
    if (length > LONGEST_PACKED) {
      if (length > LONGEST_KEPT) this.#readDigest(text);
      else this.#readUnpacked(text);
      return;
    }
    const { words } = this;
    const whole = length & ~3;
    let hash = this.#seed;
    let seen = 0;
    let count = 0;
    for (let index = 0; index < whole; index += 4) {
      const first = text.charCodeAt(index);
      const second = text.charCodeAt(index + 1);
      const third = text.charCodeAt(index + 2);
      const fourth = text.charCodeAt(index + 3);
      const half = first | (second << 8);
      const otherHalf = third | (fourth << 8);
      seen |= first | second | third | fourth;
      words[count++] = half | (otherHalf << 16);
      hash = mixed(mixed(hash, half), otherHalf);
    }
    if (whole < length) {
      let rest = 0;
      for (let index = whole; index < length; index++) {
        const unit = text.charCodeAt(index);
        seen |= unit;
        rest = (rest << 8) | unit;
      }
      words[count++] = rest;
      hash = mixed(mixed(hash, rest & 0xffff), rest >>> 16);
    }
    if (seen > 0xff) {
      this.#readUnpacked(text);
      return;
    }
    this.wordCount = count;
    this.form = length;
    this.hash = mixed(hash, length);
  }

  #readDigest(text: string): void {
    // The key outlives the charge, and must not keep a name of megabytes.
    this.text = '';
    const digest = secretDigest(text);
    let hash = this.#seed;
    for (let index = 0; index < DIGEST_WORDS; index++) {
      const word = Number.parseInt(digest.slice(8 * index, 8 * index + 8), 16);
      this.words[index] = word;
      hash = mixed(mixed(hash, word & 0xffff), word >>> 16);
    }
    this.wordCount = DIGEST_WORDS;
    this.form = DIGEST;
    this.hash = hash;
  }

  #readUnpacked(text: string): void {
    this.wordCount = 0;
    this.form = UNPACKED;
    let hash = this.#seed;
    for (let index = 0; index < text.length; index++) hash = mixed(hash, text.charCodeAt(index));
    this.hash = mixed(hash, text.length);
  }
}

/**
 * Mixes 16 bits into a hash. Every character is mixed in: a client could use one that is not to send all accounts to
 * one chain. Never more than 16 bits at once: the next word could undo a change in the upper half, whatever the seed.
 */
export function mixed(hash: number, half: number): number {
  const product = Math.imul(hash ^ half, 0x9e3779b1);
  return product ^ (product >>> 15);
}

const LONGEST_PACKED = 4 * ACCOUNT_WORDS;
export const UNPACKED = 0xff;
const DIGEST = 0xfe;
const DIGEST_WORDS = DIGEST_BYTES / 4;
