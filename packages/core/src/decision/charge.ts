import { checkInteger } from '../check.js';
import { optionTypeError } from '../errors.js';
import { NO_LIMITS, type PolicyNames, type Resolution } from '../policy/index.js';
import { MAX_UNITS } from '../store/index.js';

/** The party that a charge limits: an account, or a client without one by its address. */
export type Identity =
  | { readonly account: string; readonly address?: undefined }
  | { readonly account?: undefined; readonly address: string };

/** What decides which quotas apply to a charge, and on which counters. */
export type Scope<Names extends PolicyNames = PolicyNames> = Identity & {
  /** The part of the API: any non-empty string. A category without a layer has the base quotas and its own counter. */
  readonly category: Names['category'];
  readonly plan?: Names['plan'] | undefined;
  readonly region?: Names['region'] | undefined;
  readonly environment?: Names['environment'] | undefined;
};

export type Charge<Names extends PolicyNames = PolicyNames> = Scope<Names> & {
  /** Units that the request takes: an integer from 0 to 2³¹ − 1, default 1. A cost of 0 is always admitted. */
  readonly cost?: number | undefined;
};

/** One counter if a category is given, else every counter of the account or address. */
export type CounterTarget<Names extends PolicyNames = PolicyNames> = Identity & {
  readonly category?: Names['category'] | undefined;
  readonly environment?: Names['environment'] | undefined;
};

/** A checked charge with all that a store needs to know of it. */
export interface PreparedCharge {
  readonly account: string | undefined;
  readonly address: string | undefined;
  readonly category: string;
  readonly cost: number;
  /** The name under which the store keeps the counters; see {@link ownerOf}. */
  readonly owner: string;
  /** {@link NO_LIMITS} until the policy has been asked. */
  resolution: Resolution;
}

/** Checks a charge. */
export function prepareCharge(charge: Charge): PreparedCharge {
  if (typeof charge !== 'object' || charge === null) throw optionTypeError('charge', 'an object', charge);
  const { account, address, category, cost = 1 } = charge;
  if (cost !== 1) checkInteger('cost', cost, 0, MAX_UNITS);
  if (typeof category !== 'string' || category === '') checkCategory(category);
  return { account, address, category, cost, owner: ownerOf(charge), resolution: NO_LIMITS };
}

export function checkCategory(category: unknown): void {
  if (typeof category !== 'string' || category === '') {
    throw optionTypeError('category', 'a string of at least one character', category);
  }
}

/**
 * The name under which a store keeps the counters of an account or an address. An address is prefixed with `@:`, and an
 * account's own leading `@` is doubled, so that no account id can equal an address.
 */
export function ownerOf({ account, address }: Identity): string {
  if (typeof account === 'string') return account.charCodeAt(0) === AT_SIGN ? `@${account}` : account;
  if (typeof address !== 'string') throw optionTypeError('account', 'a string', account);
  return `@:${address}`;
}

const AT_SIGN = 64;
