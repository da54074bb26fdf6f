import { type AccountLayer, defineAccountLayer, type Layer, type Suspension } from '@tollgate/core';
import { showName } from '@tollgate/core/options';
import { type LimitsChange, readChange, readHeldLimits, readSuspension, suspensionOf } from './held-limits.js';
import { fieldOf, SUSPENSION_FIELD, VERSION_FIELD } from './limits-keys.js';

/** What one account has. */
interface Entry {
  /** The layer as JSON, to tell whether it is still the same. */
  readonly said: string;
  readonly layer: AccountLayer;
}

/** The limits as this process knows them: all accounts, checked and ready to use. */
export class LimitsCopy {
  #accounts: Map<string, Entry> = new Map();
  /** By field, what is wrong. */
  #unreadable: Map<string, string> = new Map();
  #suspension: Suspension | undefined;
  #number = 0;
  #token = '';

  layerOf(account: string): AccountLayer | undefined {
    return this.#accounts.get(account)?.layer;
  }

  /** The same object for as long as the same suspension lasts. */
  get suspension(): Suspension | undefined {
    return this.#suspension;
  }

  /** Of the latest change that is in the copy; 0 before any. */
  get version(): number {
    return this.#number;
  }

  get token(): string {
    return this.#token;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** What is wrong with the first of those limits that make no sense here, such as those of a newer version. */
  get problem(): string | undefined {
    return this.#unreadable.values().next().value;
  }

  /**
   * Takes over all that Redis holds, in several turns, and changes at once at the end. Returns whose limits are not what
   * they were. A layer that is the same stays the same object, and one that cannot be read leaves the one before it.
   */
  async replace(latest: string, fields: readonly unknown[]): Promise<string[]> {
    const accounts = new Map<string, Entry>();
    const unreadable = new Map<string, string>();
    let suspension: Suspension | undefined;
    let byField: Map<string, string> | undefined;
    for (let at = 0; at + 1 < fields.length; at += 2) {
      if (at % AT_ONCE === 0) await nextTurn();
      const [field, text] = [fields[at], fields[at + 1]];
      if (field === VERSION_FIELD) continue;
      if (field === SUSPENSION_FIELD) {
        suspension = readSuspension(text) ?? this.#suspension;
        continue;
      }
      let account: string | undefined;
      let entry: Entry | undefined;
      const held = readHeldLimits(text);
      if (held !== undefined && fieldOf(held.account) === field) {
        account = held.account;
        entry = this.#entryOf(account, held.layer, unreadable);
      } else {
        byField ??= new Map([...this.#accounts.keys()].map((known) => [fieldOf(known), known]));
        account = byField.get(String(field));
        entry = account === undefined ? undefined : this.#accounts.get(account);
        unreadable.set(String(field), `The limits in the field ${showName(String(field))} cannot be read`);
      }
      if (account !== undefined && entry !== undefined) accounts.set(account, entry);
    }
    const changed = [...new Set([...this.#accounts.keys(), ...accounts.keys()])].filter(
      (account) => this.#accounts.get(account) !== accounts.get(account),
    );
    this.#accounts = accounts;
    this.#unreadable = unreadable;
    this.#suspend(suspension);
    this.#arrive(latest);
    return changed;
  }

  /**
   * Follows changes, the newest first as the log has them. Returns whose limits are not what they were; `undefined`, and
   * nothing is changed, where one of them cannot be read, so that only all that Redis holds would tell.
   */
  follow(latest: string, entries: readonly unknown[]): string[] | undefined {
    const changes: LimitsChange[] = [];
    for (const entry of entries) {
      const change = readChange(entry);
      if (change === undefined) return undefined;
      changes.unshift(change);
    }
    const changed = new Set<string>();
    for (const change of changes) if (this.#make(change)) changed.add(change.account!);
    this.#arrive(latest);
    return [...changed];
  }

  #make(change: LimitsChange): boolean {
    const { account } = change;
    if (account === undefined) {
      this.#suspend(change.change === 'suspended' ? suspensionOf(change) : undefined);
      return false;
    }
    this.#unreadable.delete(fieldOf(account));
    if (change.change === 'deleted') return this.#accounts.delete(account);
    const entry = this.#entryOf(account, change.layer!, this.#unreadable);
    const isNew = entry !== this.#accounts.get(account);
    if (isNew) this.#accounts.set(account, entry!);
    return isNew;
  }

  /** The entry that there is already, where the layer is the same or cannot be read. */
  #entryOf(account: string, layer: Layer, unreadable: Map<string, string>): Entry | undefined {
    const known = this.#accounts.get(account);
    try {
      const said = JSON.stringify(layer);
      if (known?.said === said) return known;
      return { said, layer: defineAccountLayer(layer, `limits.${showName(account)}`) };
    } catch (thrown) {
      unreadable.set(fieldOf(account), thrown instanceof Error ? thrown.message : String(thrown));
      return known;
    }
  }

  #suspend(suspension: Suspension | undefined): void {
    if (JSON.stringify(suspension) !== JSON.stringify(this.#suspension)) this.#suspension = suspension;
  }

  #arrive(latest: string): void {
    const space = latest.indexOf(' ');
    this.#number = Number(latest.slice(0, space));
    this.#token = latest.slice(space + 1);
  }
}

/** Places of a reply that are read in one turn of the event loop, so that no request waits for all of them. */
const AT_ONCE = 256;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
