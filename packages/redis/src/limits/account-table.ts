import { type AccountLayer, defineAccountLayer, type Layer } from '@tollgate/core';
import { showName } from '@tollgate/core/kit';
import { fieldOf } from './stored-limits.js';

interface Entry {
  /** The layer as JSON, to compare. */
  readonly json: string;
  readonly layer: AccountLayer;
}

/** Accounts and their checked layers, and why others are invalid. */
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
   * Sets an account's layer. The account's entry in `before` stays where the layer is equal, and where the new layer is
   * invalid, as one from a newer version may be. Returns whether the account has another layer now.
   */
  set(account: string, layer: Layer, before: AccountTable = this): boolean {
    const known = before.#entries.get(account);
    let entry = known;
    this.#problems.delete(fieldOf(account));
    try {
      const json = JSON.stringify(layer);
      if (json !== known?.json) entry = { json, layer: defineAccountLayer(layer, `limits.${showName(account)}`) };
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

  /** Copies the entries from `before` for fields with unreadable texts. */
  keep(fields: ReadonlySet<string>, before: AccountTable): void {
    for (const field of fields) this.#problems.set(field, `The limits in the field ${showName(field)} cannot be read`);
    if (fields.size === 0) return;
    for (const [account, entry] of before.#entries) if (fields.has(fieldOf(account))) this.#entries.set(account, entry);
  }

  /** The accounts with another layer than in `before`, or with none where they had one. */
  changesFrom(before: AccountTable): string[] {
    const all = new Set([...before.#entries.keys(), ...this.#entries.keys()]);
    return [...all].filter((account) => this.#entries.get(account) !== before.#entries.get(account));
  }
}
