import type { AccountLayer, Suspension } from '@tollgate/core';
import { AccountTable } from './account-table.js';
import {
  fieldOf,
  type LimitsChange,
  readStoredLimits,
  readSuspension,
  SUSPENSION_FIELD,
  suspensionOf,
  VERSION_FIELD,
} from './stored-limits.js';

/** This process's copy of the limits, and the version of the latest change in it. */
export class LimitsCopy {
  #table = new AccountTable();
  #suspension: Suspension | undefined;
  #version: Version = { number: 0, token: '' };

  layerOf(account: string): AccountLayer | undefined {
    return this.#table.layerOf(account);
  }

  /** The same object for as long as the suspension lasts. */
  get suspension(): Suspension | undefined {
    return this.#suspension;
  }

  get version(): Version {
    return this.#version;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Why the first of the invalid limits is invalid. */
  get problem(): string | undefined {
    return this.#table.problem;
  }

  /** Applies changes, the oldest first. Returns the accounts with other limits than before. */
  apply(version: Version, changes: readonly LimitsChange[]): string[] {
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

  /** Begins a new copy of everything, for {@link replace}. */
  replacement(): Replacement {
    return new Replacement(this.#table, this.#suspension);
  }

  /** Returns the accounts with other limits than before. */
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

/** The number of a change, and its unique token: numbers can repeat after Redis has lost changes. */
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

  /** Adds fields with their texts. A field that was deleted meanwhile has no text. */
  add(fields: readonly string[], texts: readonly unknown[]): void {
    const unreadable = new Set<string>();
    for (const [index, field] of fields.entries()) {
      const text = texts[index];
      if (field === VERSION_FIELD || typeof text !== 'string') continue;
      if (field === SUSPENSION_FIELD) {
        this.suspension = readSuspension(text) ?? this.#suspensionBefore;
        continue;
      }
      const stored = readStoredLimits(text);
      if (stored !== undefined && fieldOf(stored.account) === field) {
        this.table.set(stored.account, stored.layer, this.#before);
      } else {
        unreadable.add(field);
      }
    }
    this.table.keep(unreadable, this.#before);
  }
}
