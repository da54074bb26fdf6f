import { type AccountLayer, defineAccountLayer, type Layer } from '@tollgate/core';
import { showName } from '@tollgate/core/kit';
import { fieldOf } from './limits-keys.js';

/** What one account has. */
interface Entry {
  /** The layer as JSON, to tell whether it is still the same. */
  readonly said: string;
  readonly layer: AccountLayer;
}

/** Accounts and their layers, checked and ready to use; and what is wrong with those that make no sense here. */
export class AccountTable {
  readonly #entries = new Map<string, Entry>();
  /** By field. */
  readonly #problems = new Map<string, string>();

  layerOf(account: string): AccountLayer | undefined {
    return this.#entries.get(account)?.layer;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The first of them. */
  get problem(): string | undefined {
    return this.#problems.values().next().value;
  }

  /**
   * Takes over a layer. The one that was there `before` stays the same object where the new one says the same, and stays
   * in force where the new one makes no sense, as one of a newer version may. Returns whether the account has another now.
   */
  set(account: string, layer: Layer, before: AccountTable = this): boolean {
    const known = before.#entries.get(account);
    let entry = known;
    this.#problems.delete(fieldOf(account));
    try {
      const said = JSON.stringify(layer);
      if (said !== known?.said) entry = { said, layer: defineAccountLayer(layer, `limits.${showName(account)}`) };
    } catch (thrown) {
      this.#problems.set(fieldOf(account), thrown instanceof Error ? thrown.message : String(thrown));
    }
    if (entry !== undefined) this.#entries.set(account, entry);
    return entry !== known;
  }

  /** Returns whether the account had a layer. */
  delete(account: string): boolean {
    this.#problems.delete(fieldOf(account));
    return this.#entries.delete(account);
  }

  /** Keeps what was there before for fields whose texts cannot be read at all. */
  keep(fields: ReadonlySet<string>, before: AccountTable): void {
    for (const field of fields) this.#problems.set(field, `The limits in the field ${showName(field)} cannot be read`);
    if (fields.size === 0) return;
    for (const [account, entry] of before.#entries) if (fields.has(fieldOf(account))) this.#entries.set(account, entry);
  }

  /** The accounts that have another layer than before, or no longer one. */
  changesFrom(before: AccountTable): string[] {
    const all = new Set([...before.#entries.keys(), ...this.#entries.keys()]);
    return [...all].filter((account) => this.#entries.get(account) !== before.#entries.get(account));
  }
}
