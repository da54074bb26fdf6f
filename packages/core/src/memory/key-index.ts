import { ownCopy } from '../bounded-name.js';
import { type AccountKey, KEPT_APART, mixed, PACKED_WORDS } from './account-key.js';
import { PAGE_BITS, PAGE_MASK, PAGE_SIZE, type RecordPages } from './record-pages.js';
import { counterPlaceOf, HEADER_WORDS } from './window-records.js';

/**
 * Finds a counter's slot by its name and account, and grows without a pause. A JavaScript `Map` copies itself whole each
 * time it outgrows its table, 100 ms at a million keys; this is a hash table that grows by splitting one chain in two with
 * each counter that is begun (linear hashing: Litwin, VLDB 1980). The chains run through the records of the counters.
 */
export class KeyIndex {
  readonly #records: RecordPages;
  readonly #groups = new Map<string, Group>();
  readonly #groupsById: (Group | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** The two that were last found: the next charge is likely of the same. */
  #latest: Group | undefined;
  #latestBut: Group | undefined;
  /** Accounts that do not fit in their records, in pages by slot; of most pages there are none. */
  readonly #accountsApart: (string[] | undefined)[] = [];
  readonly #heads: Uint32Array[] = [new Uint32Array(HEADS_PER_PAGE)];
  #chains = 1;
  /** The least power of two that is at least the number of chains, less one. */
  #mask = 0;
  #size = 0;

  /** `records` are those of the counters, of which the index keeps the words that it names here. */
  constructor(records: RecordPages) {
    this.#records = records;
  }

  get size(): number {
    return this.#size;
  }

  /** The names of all counters that there are. */
  get names(): string[] {
    return [...this.#groups.keys()];
  }

  /** The slot, or −1. */
  find(name: string, account: AccountKey): number {
    const group = this.#groupOf(name);
    if (group === undefined) return -1;
    const hash = hashOf(account, group);
    const tag = tagOf(account, group);
    const chain = this.#chainOf(hash);
    let link = this.#heads[chain >>> HEAD_BITS]![chain & HEAD_MASK]!;
    while (link !== 0) {
      const slot = link - 1;
      const words = this.#records.words(slot);
      const place = counterPlaceOf(slot);
      if (words[place + HASH] === hash && words[place + TAG] === tag && this.#isOf(slot, words, place, account)) {
        return slot;
      }
      link = words[place + NEXT]!;
    }
    return -1;
  }

  /** Adds a counter that is not there. */
  add(slot: number, name: string, account: AccountKey): void {
    let group = this.#groups.get(name);
    if (group === undefined) {
      const id = this.#freeIds.pop() ?? this.#groupsById.length;
      group = { name: ownCopy(name), id, size: 0 };
      this.#groups.set(group.name, group);
      this.#groupsById[id] = group;
    }
    group.size++;
    this.#write(slot, account);
    const words = this.#records.words(slot);
    const place = counterPlaceOf(slot);
    const hash = hashOf(account, group);
    words[place + HASH] = hash;
    words[place + TAG] = tagOf(account, group);
    this.#prepend(this.#chainOf(hash), slot);
    this.#size++;
    while (this.#chains < this.#size * CHAINS_PER_COUNTER) this.#split();
  }

  /** Deletes a counter that is there. */
  delete(slot: number): void {
    const words = this.#records.words(slot);
    const place = counterPlaceOf(slot);
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
    if ((tag & FORM_MASK) === KEPT_APART) this.#accountsApart[slot >>> PAGE_BITS]![slot & PAGE_MASK] = '';
    this.#size--;
    const group = this.#groupsById[tag >>> FORM_BITS]!;
    group.size--;
    if (group.size > 0) return;
    this.#groups.delete(group.name);
    if (group === this.#latest) this.#latest = undefined;
    if (group === this.#latestBut) this.#latestBut = undefined;
    this.#groupsById[group.id] = undefined;
    this.#freeIds.push(group.id);
  }

  #groupOf(name: string): Group | undefined {
    if (name === this.#latest?.name) return this.#latest;
    if (name === this.#latestBut?.name) return this.#latestBut;
    const group = this.#groups.get(name);
    if (group !== undefined) {
      this.#latestBut = this.#latest;
      this.#latest = group;
    }
    return group;
  }

  #isOf(slot: number, words: Uint32Array, place: number, account: AccountKey): boolean {
    for (let at = 0; at < account.wordCount; at++) {
      if (words[place + ACCOUNT + at] !== account.words[at]) return false;
    }
    return account.form !== KEPT_APART || this.#accountsApart[slot >>> PAGE_BITS]![slot & PAGE_MASK] === account.text;
  }

  /**
   * Writes the account into the record, if it is packed. A charge then finds it beside all else, and the garbage collector does
   * not see it: strings of a crowd that comes would be copied, and the process stand still.
   */
  #write(slot: number, account: AccountKey): void {
    const words = this.#records.words(slot);
    const place = counterPlaceOf(slot) + ACCOUNT;
    for (let at = 0; at < account.wordCount; at++) words[place + at] = account.words[at]!;
    if (account.form !== KEPT_APART) return;
    const page = slot >>> PAGE_BITS;
    // An array that is written to far behind its end becomes slow.
    while (this.#accountsApart.length <= page) this.#accountsApart.push(undefined);
    this.#accountsApart[page] ??= new Array<string>(PAGE_SIZE).fill('');
    this.#accountsApart[page][slot & PAGE_MASK] = ownCopy(account.text);
  }

  #chainOf(hash: number): number {
    const chain = hash & this.#mask;
    return chain < this.#chains ? chain : hash & (this.#mask >>> 1);
  }

  /** Makes one chain more, of what belongs there from the one that it was part of. */
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
      this.#prepend(this.#chainOf(this.#records.words(slot)[counterPlaceOf(slot) + HASH]!), slot);
    }
  }

  #prepend(chain: number, slot: number): void {
    const heads = this.#heads[chain >>> HEAD_BITS]!;
    this.#setNext(slot, heads[chain & HEAD_MASK]!);
    heads[chain & HEAD_MASK] = slot + 1;
  }

  #next(slot: number): number {
    return this.#records.words(slot)[counterPlaceOf(slot) + NEXT]!;
  }

  #setNext(slot: number, link: number): void {
    this.#records.words(slot)[counterPlaceOf(slot) + NEXT] = link;
  }
}

/** Counters of one name. */
interface Group {
  readonly name: string;
  readonly id: number;
  size: number;
}

function hashOf(account: AccountKey, { id }: Group): number {
  return mixed(account.hash, id) >>> 0;
}

/** What has to be the same but for the characters: the name, and the form of the account. */
function tagOf({ form }: AccountKey, { id }: Group): number {
  return ((id << FORM_BITS) | form) >>> 0;
}

// The words of a counter's record that are the index's.
const HASH = 0;
/** The slot behind this one in its chain, plus one; 0 ends it. */
const NEXT = 1;
const TAG = 2;
/** From this word on, the account. */
const ACCOUNT = HEADER_WORDS - PACKED_WORDS;

/** Names are less than 2²⁴, as counters are. */
const FORM_BITS = 8;
const FORM_MASK = (1 << FORM_BITS) - 1;

/** So that a chain rarely has more than one. */
const CHAINS_PER_COUNTER = 2;
const HEAD_BITS = 12;
const HEADS_PER_PAGE = 1 << HEAD_BITS;
const HEAD_MASK = HEADS_PER_PAGE - 1;
