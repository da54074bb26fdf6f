import { ownCopy } from '../../bounded-name.js';
import { ACCOUNT_WORDS } from '../record-layout.js';
import { DIGEST_BYTES, LONGEST_KEPT, secretDigest } from '../secret-digest.js';

/**
 * The key of an account, or of one subject of an account, as the table looks it up: its hash, and its characters packed
 * four to a word as in a record. Of a name above 64 characters, the record has a digest instead, so a client cannot
 * fill the memory with long names. Charges share their keys: each is read anew, and never kept.
 *
 * No two accounts and subjects have the same form and words, or the same form and text. So an account never has the key
 * of a subject, and the subject `b/c` of `a` never has that of the subject `c` of `a/b`.
 */
export class AccountKey {
  /** The packed characters or the digest. The words after them are undefined. */
  readonly words: Uint32Array = new Uint32Array(ACCOUNT_WORDS);
  /** The number of these words; 0 if the key is not packed. */
  wordCount = 0;
  /**
   * For an account: the number of characters, {@link DIGEST}, or {@link UNPACKED} if they are too many to be packed or
   * one takes more than a byte. For a subject: {@link SUBJECT_DIGEST}, {@link UNPACKED_SUBJECT}, or how many words the
   * account takes, shifted, with the number of the subject's characters.
   */
  form = 0;
  hash = 0;
  /** The account; empty if it has only a digest. */
  #account = '';
  /** A string that contains the subject from `#from` on. */
  #source = '';
  #from = 0;
  /** The digest of the account as the keys of subjects have it, if `#hasOwnerDigest`. */
  readonly #ownerDigest = new Uint32Array(OWNER_DIGEST_WORDS);
  #hasOwnerDigest = false;
  /** A secret seed prevents hash flooding: without it, a client could choose accounts that share one chain. */
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Becomes the key of the account. */
  read(account: string): void {
    this.#account = account;
    this.#hasOwnerDigest = false;
    if (account.length > LONGEST_KEPT) this.#readDigest(account);
    else if (account.length > LONGEST_PACKED || !this.#pack(account, 0, 0, this.#seed)) this.#readUnpacked(account);
    else this.form = account.length;
  }

  /** Becomes the key of a subject of the account: the end of `name`, from the index `from` on. */
  readSubject(account: AccountKey, name: string, from: number): void {
    const length = name.length - from;
    if (account.form <= LONGEST_PACKED) {
      const whole = account.form >>> 2;
      if (whole + 1 + ((length + 3) >>> 2) <= ACCOUNT_WORDS) {
        for (let index = 0; index < whole; index++) this.words[index] = account.words[index]!;
        this.words[whole] = lastWordOf(account);
        if (this.#pack(name, from, whole + 1, account.hash)) {
          this.form = ((whole + 1) << WHOLE_SHIFT) | length;
          return;
        }
      }
    }
    if (account.form === DIGEST || account.#account.length + length > LONGEST_KEPT) {
      this.#readSubjectDigest(account, name, from);
    } else {
      this.#readUnpackedSubject(account, name, from);
    }
  }

  /** The text of an unpacked key, for its record. */
  text(): string {
    if (this.form === UNPACKED) return ownCopy(this.#account);
    return String.fromCharCode(this.#account.length) + this.#account + this.#source.slice(this.#from);
  }

  /** Whether a record with this form has this text. Allocates nothing. */
  hasText(text: string): boolean {
    if (this.form === UNPACKED) return text === this.#account;
    const before = 1 + this.#account.length;
    const length = this.#source.length - this.#from;
    if (text.length !== before + length || !this.#isOwnerIn(text)) return false;
    for (let index = 0; index < length; index++) {
      if (text.charCodeAt(before + index) !== this.#source.charCodeAt(this.#from + index)) return false;
    }
    return true;
  }

  /** Whether a record is one of a subject of this account. Its key lies in `words` from `place` on. */
  isOwnerOf(form: number, words: Uint32Array, place: number, text: () => string): boolean {
    if (form === UNPACKED_SUBJECT) return this.form !== DIGEST && this.#isOwnerIn(text());
    if (form === SUBJECT_DIGEST) {
      return this.#digestOfOwner().every((word, index) => words[place + index] === word);
    }
    const whole = (form >>> WHOLE_SHIFT) - 1;
    if (this.form > LONGEST_PACKED || this.form >>> 2 !== whole || words[place + whole] !== lastWordOf(this)) {
      return false;
    }
    for (let index = 0; index < whole; index++) if (words[place + index] !== this.words[index]) return false;
    return true;
  }

  /** Packs the characters into the words from `place` on. Returns false if one takes more than a byte. */
  #pack(text: string, from: number, place: number, seed: number): boolean {
    const { words } = this;
    let count = place;
    const { length } = text;
    const whole = from + ((length - from) & ~3);
    let hash = seed;
    let seen = 0;
    for (let index = from; index < whole; index += 4) {
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
    if (seen > 0xff) return false;
    this.wordCount = count;
    this.hash = mixed(hash, length - from);
    return true;
  }

  #readDigest(account: string): void {
    // The key outlives the charge, and must not keep a name of megabytes.
    this.#account = '';
    writeDigest(account, this.words, 0, DIGEST_WORDS);
    this.form = DIGEST;
    this.#hashWords(DIGEST_WORDS);
  }

  #readUnpacked(account: string): void {
    this.wordCount = 0;
    this.form = UNPACKED;
    let hash = this.#seed;
    for (let index = 0; index < account.length; index++) hash = mixed(hash, account.charCodeAt(index));
    this.hash = mixed(hash, account.length);
  }

  #readUnpackedSubject(account: AccountKey, name: string, from: number): void {
    this.wordCount = 0;
    this.form = UNPACKED_SUBJECT;
    this.#account = account.#account;
    // As above: the name of the kind may have megabytes.
    const isLong = from > LONGEST_KEPT;
    this.#source = isLong ? ownCopy(name.slice(from)) : name;
    this.#from = isLong ? 0 : from;
    let hash = account.hash;
    for (let index = from; index < name.length; index++) hash = mixed(hash, name.charCodeAt(index));
    this.hash = mixed(hash, name.length - from);
  }

  /** Half of the words are of the account alone, so that a reset of the account recognises its subjects. */
  #readSubjectDigest(account: AccountKey, name: string, from: number): void {
    this.words.set(account.#digestOfOwner());
    writeDigest(name.slice(from), this.words, OWNER_DIGEST_WORDS, ACCOUNT_WORDS - OWNER_DIGEST_WORDS);
    this.form = SUBJECT_DIGEST;
    this.#hashWords(ACCOUNT_WORDS);
  }

  #hashWords(count: number): void {
    let hash = this.#seed;
    for (let index = 0; index < count; index++) {
      const word = this.words[index]!;
      hash = mixed(mixed(hash, word & 0xffff), word >>> 16);
    }
    this.wordCount = count;
    this.hash = hash;
  }

  #digestOfOwner(): Uint32Array {
    if (this.#hasOwnerDigest) return this.#ownerDigest;
    if (this.form === DIGEST) this.#ownerDigest.set(this.words.subarray(0, OWNER_DIGEST_WORDS));
    else writeDigest(this.#account, this.#ownerDigest, 0, OWNER_DIGEST_WORDS);
    this.#hasOwnerDigest = true;
    return this.#ownerDigest;
  }

  /** The text of a subject begins with the length of its account, and the account. */
  #isOwnerIn(text: string): boolean {
    return text.charCodeAt(0) === this.#account.length && text.startsWith(this.#account, 1);
  }
}

/** Whether a form is one of a subject's key. */
export function isSubjectForm(form: number): boolean {
  return form > UNPACKED;
}

/**
 * The word behind an account's whole words, in the key of a subject: its last 0 to 3 characters behind a 1, which says
 * how many they are.
 */
function lastWordOf({ form, words }: AccountKey): number {
  const rest = form & 3;
  return rest === 0 ? 1 : (1 << (8 * rest)) | words[form >>> 2]!;
}

function writeDigest(name: string, words: Uint32Array, at: number, count: number): void {
  const digest = secretDigest(name);
  for (let index = 0; index < count; index++) {
    words[at + index] = Number.parseInt(digest.slice(8 * index, 8 * index + 8), 16);
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
const DIGEST = 30;
export const UNPACKED = 31;
/** The forms of subjects are above those of accounts. A packed one is 32 for each word of the account, and a length. */
const WHOLE_SHIFT = 5;
const SUBJECT_DIGEST = 0xfe;
export const UNPACKED_SUBJECT = 0xff;
const DIGEST_WORDS = DIGEST_BYTES / 4;
/** 96 bits of the account and 96 of the subject: among 2²⁴ subjects, two of the same digest have odds of 1 in 2⁴⁹. */
const OWNER_DIGEST_WORDS = ACCOUNT_WORDS / 2;
