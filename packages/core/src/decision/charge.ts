import { checkInteger } from '../check.js';
import { optionTypeError, showName, unknownOptionError } from '../errors.js';
import { NO_LIMITS, type PolicyNames } from '../policy/index.js';
import { MAX_UNITS } from '../store/index.js';
import type { PreparedCharge } from './prepared-charge.js';
import { checkSubjects } from './subjects.js';

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
  /**
   * The subjects that take part, by kind: at most 8, each with an id of at least one character. Those whose kind the
   * policy's `each` has are limited, each on a counter of its own. A kind may be left `undefined`.
   */
  readonly subjects?: Readonly<Partial<Record<Names['subject'], string | undefined>>> | undefined;
};

export type Charge<Names extends PolicyNames = PolicyNames> = Scope<Names> & {
  /** Units that the request takes: an integer from 0 to 2³¹ − 1, default 1. A cost of 0 is always admitted. */
  readonly cost?: number | undefined;
};

/**
 * The counter of a category, those of subjects, or both; without either, every counter of the account or address. With
 * `service`, the counter of everybody together.
 */
export type CounterTarget<Names extends PolicyNames = PolicyNames> =
  | (Identity & {
      readonly category?: Names['category'] | undefined;
      readonly environment?: Names['environment'] | undefined;
      readonly subjects?: Readonly<Partial<Record<Names['subject'], string | undefined>>> | undefined;
      readonly service?: undefined;
    })
  | {
      readonly service: true;
      readonly account?: undefined;
      readonly address?: undefined;
      readonly category?: undefined;
      readonly environment?: undefined;
      readonly subjects?: undefined;
    };

/** Checks a charge. */
export function prepareCharge(charge: Charge): PreparedCharge {
  if (typeof charge !== 'object' || charge === null) throw optionTypeError('charge', 'an object', charge);
  const { account, address, category, subjects, cost = 1 } = charge;
  if (cost !== 1) checkInteger('cost', cost, 0, MAX_UNITS);
  if (typeof category !== 'string' || category === '') checkCategory(category);
  if (subjects !== undefined) checkSubjects(subjects);
  return {
    account,
    address,
    category,
    cost,
    owner: ownerOf(charge),
    subjects,
    resolution: NO_LIMITS,
  };
}

/**
 * Refuses fields that a charge does not have, since a misspelt one would silently be its default. To look at every
 * field of every charge would cost 5 % of a decision in memory, and the program repeats its mistake. So the first
 * thousand charges of a limiter are checked, then one in 16; and after a mistake was found, a thousand again.
 */
export class FieldCheck {
  #charges = 0;

  check(charge: Charge): void {
    if (this.#charges < FIRST_CHARGES || (this.#charges & ONE_IN_16) === 0) this.#checkFields(charge);
    this.#charges = (this.#charges + 1) & LARGEST_COUNT;
  }

  #checkFields(charge: Charge): void {
    for (const key in charge) {
      switch (key) {
        case 'account':
        case 'address':
        case 'category':
        case 'cost':
        case 'plan':
        case 'region':
        case 'environment':
        case 'subjects':
          break;
        default:
          // A field of a prototype was not set on this charge.
          if (!Object.hasOwn(charge, key)) break;
          this.#charges = 0;
          throw unknownOptionError(`charge.${showName(key)}`, FIELDS);
      }
    }
  }
}

const FIELDS = ['account', 'address', 'category', 'cost', 'plan', 'region', 'environment', 'subjects'];
const FIRST_CHARGES = 1024;
const ONE_IN_16 = 15;
const LARGEST_COUNT = 2 ** 30 - 1;

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
