import { ownCopy } from '../bounded-name.js';
import { partsOfSubjectCounter, SUBJECT_MARK } from '../store/index.js';
import { LONGEST_KEPT } from './secret-digest.js';
import { storedName } from './stored-names.js';
import type { AccountKey, CounterTable } from './table/index.js';

/**
 * Under which name and key the table keeps one counter. A counter of a subject has the name of its kind there, and the
 * subject is part of the key: the table has an object for each name, and there may be millions of subjects.
 */
export class StoredKey {
  name = '';
  key: AccountKey;
  readonly #table: CounterTable;
  /** For the subjects. */
  #own: AccountKey | undefined;
  /** The last name that belongs to no subject, and the last kind of one that does. The next charge likely has them. */
  #plain = '';
  #storedPlain = '';
  #kind: string | undefined;
  #storedKind = '';

  constructor(table: CounterTable, account: AccountKey) {
    this.#table = table;
    this.key = account;
  }

  /** Becomes the key of the account's counter of that name. It shares the key `account`, except for a subject. */
  read(name: string, account: AccountKey): void {
    if (name === this.#plain) {
      this.name = this.#storedPlain;
      this.key = account;
      return;
    }
    const kind = this.#isOfKind(name) ? this.#kind! : kindOf(name);
    if (kind === undefined) {
      this.name = storedName(name);
      this.key = account;
      if (name.length > LONGEST_KEPT) return;
      this.#plain = name;
      this.#storedPlain = this.name;
      return;
    }
    if (kind !== this.#kind) {
      // A name of megabytes must not outlive its charge.
      this.#kind = kind.length > LONGEST_KEPT ? undefined : ownCopy(kind);
      this.#storedKind = storedName(this.#kind ?? kind);
    }
    this.name = this.#storedKind;
    this.#own ??= this.#table.makeKey();
    this.#own.readSubject(account, name, kind.length + 1);
    this.key = this.#own;
  }

  /** No kind is the beginning of another one with its `/`, so this needs no parser. */
  #isOfKind(name: string): boolean {
    const kind = this.#kind;
    return kind !== undefined && name.charCodeAt(kind.length) === SLASH && name.startsWith(kind);
  }
}

/** The kind of subjects that the counter belongs to, if any. Most names have no mark, and need no parser. */
function kindOf(name: string): string | undefined {
  return name.includes(SUBJECT_MARK) ? partsOfSubjectCounter(name)?.kind : undefined;
}

const SLASH = 47;
