import { ownCopy } from '../../bounded-name.js';
import { ACCOUNT, HASH, NEXT, TAG } from '../record-layout.js';
import { counterPlace, PAGE_BITS, PAGE_MASK, PAGE_SIZE, type RecordPages } from '../records.js';
import { type AccountKey, isSubjectForm, mixed, UNPACKED, UNPACKED_SUBJECT } from './account-key.js';

/**
 * Finds a counter's slot by its name and account, and grows without a pause. A JavaScript `Map` copies itself whole
 * each time it outgrows its table, 100 ms at a million keys. This hash table grows by splitting one chain in two with
 * each counter that is added (linear hashing: Litwin, VLDB 1980). The chains run through the records of the counters.
 *
 * The counter of a subject has the name of its kind, and a key with the account and the subject. So a million subjects
 * take no more than a million accounts, whether they belong to one account or to many.
 */
export class KeyIndex {
  readonly #records: RecordPages;
  readonly #groups = new Map<string, Group>();
  readonly #groupsById: (Group | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** The two groups that were found last. The next charge likely has one of their names. */
  #lastGroup: Group | undefined;
  #previousGroup: Group | undefined;
  /** Accounts that are neither packed in their records nor digested, in pages by slot. Most pages are missing. */
  readonly #unpacked: (string[] | undefined)[] = [];
  readonly #heads: Uint32Array[] = [new Uint32Array(HEADS_PER_PAGE)];
  #chains = 1;
  /** The least power of two that is at least the number of chains, less one. */
  #mask = 0;
  #size = 0;
  #subjects = 0;
  /** Above every slot that was ever added. */
  #slotsEnd = 0;

  constructor(records: RecordPages) {
    this.#records = records;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * The slots of all counters of the account and of its subjects. Looks at a bounded number of chains, however many
   * names there are, and at every record if any of them is of a subject.
   */
  slotsOf(account: AccountKey): number[] {
    const found = this.#subjects === 0 ? [] : this.#subjectSlotsOf(account);
    const shares = Math.min(this.#groupsById.length, NAME_SHARES);
    for (let share = 0; share < shares; share++) {
      const hash = hashOf(account, share);
      const chain = this.#chainOf(hash);
      let link = this.#heads[chain >>> HEAD_BITS]![chain & HEAD_MASK]!;
      while (link !== 0) {
        const slot = link - 1;
        const words = this.#records.words(slot);
        const place = counterPlace(slot);
        const isSame = words[place + HASH] === hash && (words[place + TAG]! & FORM_MASK) === account.form;
        if (isSame && this.#isOf(slot, words, place, account)) found.push(slot);
        link = words[place + NEXT]!;
      }
    }
    return found;
  }

  #subjectSlotsOf(account: AccountKey): number[] {
    const found: number[] = [];
    for (let slot = 0; slot < this.#slotsEnd; slot++) {
      const words = this.#records.words(slot);
      const place = counterPlace(slot);
      const form = words[place + TAG]! & FORM_MASK;
      if (!isSubjectForm(form)) continue;
      if (account.isOwnerOf(form, words, place + ACCOUNT, () => this.#textOf(slot))) found.push(slot);
    }
    return found;
  }

  /** The name of the counter in a slot; of a subject's counter, the name of its kind. */
  nameOf(slot: number): string {
    return this.#groupsById[this.#records.words(slot)[counterPlace(slot) + TAG]! >>> FORM_BITS]!.name;
  }

  /** The slot of the counter, or −1. */
  find(name: string, account: AccountKey): number {
    const group = this.#groupOf(name);
    if (group === undefined) return -1;
    const hash = hashOf(account, group.id);
    const tag = tagOf(account, group);
    const chain = this.#chainOf(hash);
    let link = this.#heads[chain >>> HEAD_BITS]![chain & HEAD_MASK]!;
    while (link !== 0) {
      const slot = link - 1;
      const words = this.#records.words(slot);
      const place = counterPlace(slot);
      if (words[place + HASH] === hash && words[place + TAG] === tag && this.#isOf(slot, words, place, account)) {
        return slot;
      }
      link = words[place + NEXT]!;
    }
    return -1;
  }

  /** Adds a counter that the index does not have. */
  add(slot: number, name: string, account: AccountKey): void {
    const group = this.#groups.get(name) ?? this.#addGroup(ownCopy(name));
    group.size++;
    this.#write(slot, account);
    const words = this.#records.words(slot);
    const place = counterPlace(slot);
    const hash = hashOf(account, group.id);
    words[place + HASH] = hash;
    words[place + TAG] = tagOf(account, group);
    this.#prepend(this.#chainOf(hash), slot);
    this.#size++;
    if (isSubjectForm(account.form)) this.#subjects++;
    if (slot >= this.#slotsEnd) this.#slotsEnd = slot + 1;
    while (this.#chains < this.#size * CHAINS_PER_COUNTER) this.#split();
  }

  /** Deletes a counter that the index has. */
  delete(slot: number): void {
    const words = this.#records.words(slot);
    const place = counterPlace(slot);
    const chain = this.#chainOf(words[place + HASH]!);
    const next = words[place + NEXT]!;
    let before = this.#heads[chain >>> HEAD_BITS]![chain & HEAD_MASK]!;
    if (before === slot + 1) {
      this.#heads[chain >>> HEAD_BITS]![chain & HEAD_MASK] = next;
    } else {
      while (this.#next(before - 1) !== slot + 1) before = this.#next(before - 1);
      this.#setNext(before - 1, next);
    }
    const tag = words[place + TAG]!;
    const form = tag & FORM_MASK;
    if (isUnpacked(form)) this.#unpacked[slot >>> PAGE_BITS]![slot & PAGE_MASK] = '';
    if (isSubjectForm(form)) {
      this.#subjects--;
      // A walk over the records does not know which are free.
      words[place + TAG] = 0;
    }
    this.#size--;
    const group = this.#groupsById[tag >>> FORM_BITS]!;
    group.size--;
    if (group.size > 0) return;
    this.#groups.delete(group.name);
    if (group === this.#lastGroup) this.#lastGroup = undefined;
    if (group === this.#previousGroup) this.#previousGroup = undefined;
    this.#groupsById[group.id] = undefined;
    this.#freeIds.push(group.id);
  }

  #addGroup(name: string): Group {
    const group = { name, id: this.#freeIds.pop() ?? this.#groupsById.length, size: 0 };
    this.#groups.set(name, group);
    this.#groupsById[group.id] = group;
    return group;
  }

  #groupOf(name: string): Group | undefined {
    if (name === this.#lastGroup?.name) return this.#lastGroup;
    if (name === this.#previousGroup?.name) return this.#previousGroup;
    const group = this.#groups.get(name);
    if (group !== undefined) {
      this.#previousGroup = this.#lastGroup;
      this.#lastGroup = group;
    }
    return group;
  }

  #isOf(slot: number, words: Uint32Array, place: number, account: AccountKey): boolean {
    for (let index = 0; index < account.wordCount; index++) {
      if (words[place + ACCOUNT + index] !== account.words[index]) return false;
    }
    return !isUnpacked(account.form) || account.hasText(this.#textOf(slot));
  }

  /** The text of an unpacked key. */
  #textOf(slot: number): string {
    return this.#unpacked[slot >>> PAGE_BITS]![slot & PAGE_MASK]!;
  }

  /**
   * Writes the account into the record if it is packed. There the garbage collector does not see it; it would copy the
   * strings of a crowd of new accounts, and pause the process.
   */
  #write(slot: number, account: AccountKey): void {
    const words = this.#records.words(slot);
    const place = counterPlace(slot) + ACCOUNT;
    for (let index = 0; index < account.wordCount; index++) words[place + index] = account.words[index]!;
    if (!isUnpacked(account.form)) return;
    const page = slot >>> PAGE_BITS;
    // An array that is written far past its end becomes slow.
    while (this.#unpacked.length <= page) this.#unpacked.push(undefined);
    this.#unpacked[page] ??= new Array<string>(PAGE_SIZE).fill('');
    this.#unpacked[page][slot & PAGE_MASK] = account.text();
  }

  #chainOf(hash: number): number {
    const chain = hash & this.#mask;
    return chain < this.#chains ? chain : hash & (this.#mask >>> 1);
  }

  /** Adds a chain, and moves to it what belongs there from the chain that it splits. */
  #split(): void {
    const added = this.#chains++;
    if (added > this.#mask) this.#mask = 2 * this.#mask + 1;
    if (added >>> HEAD_BITS === this.#heads.length) this.#heads.push(new Uint32Array(HEADS_PER_PAGE));
    const old = added & (this.#mask >>> 1);
    let link = this.#heads[old >>> HEAD_BITS]![old & HEAD_MASK]!;
    this.#heads[old >>> HEAD_BITS]![old & HEAD_MASK] = 0;
    while (link !== 0) {
      const slot = link - 1;
      link = this.#next(slot);
      this.#prepend(this.#chainOf(this.#records.words(slot)[counterPlace(slot) + HASH]!), slot);
    }
  }

  #prepend(chain: number, slot: number): void {
    const heads = this.#heads[chain >>> HEAD_BITS]!;
    this.#setNext(slot, heads[chain & HEAD_MASK]!);
    heads[chain & HEAD_MASK] = slot + 1;
  }

  #next(slot: number): number {
    return this.#records.words(slot)[counterPlace(slot) + NEXT]!;
  }

  #setNext(slot: number, link: number): void {
    this.#records.words(slot)[counterPlace(slot) + NEXT] = link;
  }
}

/** All counters of one name. */
interface Group {
  readonly name: string;
  readonly id: number;
  size: number;
}

/**
 * The counters of an account are spread over a bounded number of hashes. So all of them are found without a walk
 * through every name of the table, and an account with as many names as the table has counters still has short chains.
 */
function hashOf(account: AccountKey, id: number): number {
  return mixed(account.hash, id & (NAME_SHARES - 1)) >>> 0;
}

/** The square root of the most counters of a table: as many hashes to look at as counters to each. */
const NAME_SHARES = 4096;

/** What two equal keys share besides the characters: the name, and the form of the account. */
function tagOf({ form }: AccountKey, { id }: Group): number {
  return ((id << FORM_BITS) | form) >>> 0;
}

function isUnpacked(form: number): boolean {
  return form === UNPACKED || form === UNPACKED_SUBJECT;
}

/** The other 24 bits of a tag are enough for names, since a table has at most 2²⁴ counters. */
const FORM_BITS = 8;
const FORM_MASK = (1 << FORM_BITS) - 1;

/** With two, a chain rarely has more than one counter. */
const CHAINS_PER_COUNTER = 2;
const HEAD_BITS = 12;
const HEADS_PER_PAGE = 1 << HEAD_BITS;
const HEAD_MASK = HEADS_PER_PAGE - 1;
