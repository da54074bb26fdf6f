import type { AccountLayer, Suspension } from '@tollgate/core';
import { AccountTable } from './account-table.js';
import { type LimitsChange, readHeldLimits, readSuspension, suspensionOf } from './held-limits.js';
import { fieldOf, SUSPENSION_FIELD, VERSION_FIELD } from './limits-keys.js';

/** The limits as this process knows them, and the version of the latest change that is in them. */
export class LimitsCopy {
  #table = new AccountTable();
  #suspension: Suspension | undefined;
  #version: Version = { number: 0, token: '' };

  layerOf(account: string): AccountLayer | undefined {
    return this.#table.layerOf(account);
  }

  /** The same object for as long as the same suspension lasts. */
  get suspension(): Suspension | undefined {
    return this.#suspension;
  }

  get version(): Version {
    return this.#version;
  }

  get size(): number {
    return this.#table.size;
  }

  /** What is wrong with the first of those limits that make no sense here. */
  get problem(): string | undefined {
    return this.#table.problem;
  }

  /** Follows changes, the oldest first. Returns whose limits are not what they were. */
  follow(version: Version, changes: readonly LimitsChange[]): string[] {
    const changed = new Set<string>();
    for (const change of changes) {
      const { account } = change;
      if (account === undefined) {
        this.#suspend(change.change === 'suspended' ? suspensionOf(change) : undefined);
      } else if (change.change === 'set' ? this.#table.set(account, change.layer!) : this.#table.delete(account)) {
        changed.add(account);
      }
    }
    this.#version = version;
    return [...changed];
  }

  /** Begins a copy of all that Redis holds, which is then to take the place of what is known. */
  replacement(): Replacement {
    return new Replacement(this.#table, this.#suspension);
  }

  /** Returns whose limits are not what they were. */
  replace(version: Version, { table, suspension }: Replacement): string[] {
    const changed = table.changesFrom(this.#table);
    this.#table = table;
    this.#suspend(suspension);
    this.#version = version;
    return changed;
  }

  #suspend(suspension: Suspension | undefined): void {
    if (JSON.stringify(suspension) !== JSON.stringify(this.#suspension)) this.#suspension = suspension;
  }
}

/** The number of a change, and a token that no other change has: numbers may come again when Redis has lost some. */
export interface Version {
  readonly number: number;
  readonly token: string;
}

export class Replacement {
  readonly table: AccountTable = new AccountTable();
  suspension: Suspension | undefined;
  readonly #before: AccountTable;
  readonly #suspensionBefore: Suspension | undefined;

  constructor(before: AccountTable, suspensionBefore: Suspension | undefined) {
    this.#before = before;
    this.#suspensionBefore = suspensionBefore;
  }

  /** Takes over fields with their texts; a field that is gone meanwhile has none. */
  add(fields: readonly string[], texts: readonly unknown[]): void {
    const unreadable = new Set<string>();
    for (const [at, field] of fields.entries()) {
      const text = texts[at];
      if (field === VERSION_FIELD || typeof text !== 'string') continue;
      if (field === SUSPENSION_FIELD) {
        this.suspension = readSuspension(text) ?? this.#suspensionBefore;
        continue;
      }
      const held = readHeldLimits(text);
      if (held !== undefined && fieldOf(held.account) === field) {
        this.table.set(held.account, held.layer, this.#before);
      } else {
        unreadable.add(field);
      }
    }
    this.table.keep(unreadable, this.#before);
  }
}
