import { checkInteger } from '../check.js';
import { optionTypeError } from '../errors.js';
import { MAX_UNITS } from '../store/index.js';

/** Of whom a charge is: of an account, or of a client that is known by its address alone. */
export type Identity =
  | { readonly account: string; readonly address?: undefined }
  | { readonly account?: undefined; readonly address: string };

/** What decides which quotas apply to a charge, and on whose counters. */
export type Scope = Identity & {
  /** The part of the API. Any non-empty string; one that the policy does not name has its base quotas and its own counter. */
  readonly category: string;
  readonly plan?: string | undefined;
  readonly region?: string | undefined;
  readonly environment?: string | undefined;
};

export type Charge = Scope & {
  /** Units that the request takes: an integer from 0 to 2³¹ − 1, default 1. A cost of 0 is always admitted. */
  readonly cost?: number | undefined;
};

/** Whose counters: one, if a category is named, else all of the account or address. */
export type CounterTarget = Identity & {
  readonly category?: string | undefined;
  readonly environment?: string | undefined;
};

/** Throws for a charge that makes no sense; the value is its cost. */
export function checkCharge(charge: Charge): number {
  if (typeof charge !== 'object' || charge === null) throw optionTypeError('charge', 'an object', charge);
  const { cost = 1 } = charge;
  checkInteger('cost', cost, 0, MAX_UNITS);
  checkCategory(charge.category);
  return cost;
}

export function checkCategory(category: unknown): void {
  if (typeof category !== 'string' || category === '') {
    throw optionTypeError('category', 'a string of at least one character', category);
  }
}

/**
 * The name under which a store keeps the counters of an account or an address. An address is marked by `@:`, and an
 * account that begins with `@` has it doubled, so that no account id can enter the name space of the addresses.
 */
export function storedAccount({ account, address }: Identity): string {
  if (typeof account === 'string') return account.charCodeAt(0) === AT_SIGN ? `@${account}` : account;
  if (typeof address !== 'string') throw optionTypeError('account', 'a string', account);
  return `@:${address}`;
}

const AT_SIGN = 64;
