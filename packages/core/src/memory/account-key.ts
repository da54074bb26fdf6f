/**
 * The account of the charge at hand as counters are found by it: its hash, and its characters four to a word, as they lie in
 * a record. There is one for all charges, which a charge reads its account into once, however many counters it looks for.
 */
export class AccountKey {
  /** The characters, if they are packed. What stands behind them is undefined. */
  readonly words: Uint32Array = new Uint32Array(PACKED_WORDS);
  /** How many of the words they are; 0 if they are not packed. */
  wordCount = 0;
  /** The number of characters, or {@link KEPT_APART} if they are too many or one is of more than a byte. */
  form = 0;
  hash = 0;
  text = '';
  /** Not to be known by whoever chooses the accounts: with it, they could fill one chain alone. */
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  read(text: string): void {
    const { length } = text;
    this.text = text;
    if (length > LONGEST_PACKED) {
      this.#keepApart(text);
      return;
    }
    const { words } = this;
    const whole = length & ~3;
    let hash = this.#seed;
    let seen = 0;
    let count = 0;
    for (let at = 0; at < whole; at += 4) {
      const first = text.charCodeAt(at);
      const second = text.charCodeAt(at + 1);
      const third = text.charCodeAt(at + 2);
      const fourth = text.charCodeAt(at + 3);
      const half = first | (second << 8);
      const otherHalf = third | (fourth << 8);
      seen |= first | second | third | fourth;
      words[count++] = half | (otherHalf << 16);
      hash = mixed(mixed(hash, half), otherHalf);
    }
    if (whole < length) {
      let rest = 0;
      for (let at = whole; at < length; at++) {
        const unit = text.charCodeAt(at);
        seen |= unit;
        rest = (rest << 8) | unit;
      }
      words[count++] = rest;
      hash = mixed(mixed(hash, rest & 0xffff), rest >>> 16);
    }
    if (seen > 0xff) {
      this.#keepApart(text);
      return;
    }
    this.wordCount = count;
    this.form = length;
    this.hash = mixed(hash, length);
  }

  #keepApart(text: string): void {
    this.wordCount = 0;
    this.form = KEPT_APART;
    let hash = this.#seed;
    for (let at = 0; at < text.length; at++) hash = mixed(hash, text.charCodeAt(at));
    this.hash = mixed(hash, text.length);
  }
}

/**
 * A hash with 16 bits more in it. Every character is hashed: one that was not could be used to send all accounts to one
 * chain. And no more than 16 bits at once: what a word changes in the upper half, the next one could undo whatever the seed.
 */
export function mixed(hash: number, half: number): number {
  const product = Math.imul(hash ^ half, 0x9e3779b1);
  return product ^ (product >>> 15);
}

export const PACKED_WORDS = 6;
const LONGEST_PACKED = 4 * PACKED_WORDS;
export const KEPT_APART = 0xff;
