import type { CounterSpec } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import type { Keys } from '../keys.js';
import { ChargeShape, type CounterLimits, QUOTAS_OFFSET } from './charge-shape.js';
import { CONSUME, CONSUME_GROUP, type Operation, PEEK, REFUND, VIOLATE } from './operation.js';
import { Reply } from './reply.js';
import type { SpoiltCounters } from './spoilt.js';
import { Step } from './step.js';

/**
 * One call of the charge script: writes operations as KEYS and ARGV, and reads the reply. The script's header has both
 * formats.
 */
export class Call {
  readonly #accountKeys: Keys;
  readonly #steps: Step[] = [];
  readonly #keys: string[] = [];
  readonly #keyPlaces = new Map<string, number>();
  /** Equal charges of accounts that have nothing else in this call, until it is written. */
  readonly #alone: Step[] = [];
  #groups: readonly Group[] = [];
  /** By account, the indexes of counters that are not of the operation's account. */
  readonly #joined = new Map<string, string>();
  readonly #limitPlaces = new Map<CounterLimits, number>();
  #limits = '';
  /** The place in ARGV behind the shapes. */
  #limitsEnd = SHAPES_START;
  #operations = '';
  #latest: ChargeShape | undefined = undefined;

  steps = 0;
  operations = 0;
  /** The counters of all steps. */
  counters = 0;

  constructor(keys: Keys) {
    this.#accountKeys = keys;
  }

  /** Adds `count` equal operations of one account, from `first` on. `index` is the account's key. */
  add(first: Operation, count: number, index: string): void {
    const shape = this.#shapeOf(first.request.counters);
    this.#count(count, shape);
    this.#joinAccounts(shape);
    const step = new Step(first, count, shape, index);
    this.#steps.push(step);
    this.#write(step);
  }

  /** Adds `count` equal charges of an account that has nothing else in this call. Such accounts share arguments. */
  addAlone(first: Operation, count: number, index: string): void {
    const shape = this.#shapeOf(first.request.counters);
    this.#count(count, shape);
    this.#joinAccounts(shape);
    this.#alone.push(new Step(first, count, shape, index));
  }

  /** KEYS, and ARGV[1]. `nonce` is a number below 2^52 that no other call has. Nothing can be added afterwards. */
  write(nonce: number): { readonly keys: readonly string[]; readonly argument: string } {
    this.#groups = this.#group();
    const only = this.#keys.length === 0 && this.#groups.length === 1;
    const keys = only ? this.#groups[0]!.keys : this.#keys.concat(...this.#groups.map((group) => group.keys));
    let groups = '';
    let place = this.#keys.length + 1;
    for (const { times, counters, steps, keys } of this.#groups) {
      const perAccount = keys.length / steps.length;
      groups += `,${CONSUME_GROUP},${times},${steps[0]!.shape.counters.length},${steps.length},${place},${perAccount}${counters}`;
      place += keys.length;
    }
    return { keys, argument: `[${nonce},${this.#limitsEnd}${this.#limits}${this.#operations}${groups}]` };
  }

  /** Answers every operation, or throws if the reply does not have the right shape. */
  answer(bytes: unknown, spoilt: SpoiltCounters): void {
    const reply = new Reply(bytes);
    reply.next();
    const steps = this.#inOrder();
    for (const step of steps) step.read(reply);
    reply.end();
    for (const step of steps) step.answer(spoilt);
  }

  /** Also before it is written. */
  reject(error: unknown): void {
    for (const step of this.#inOrder()) step.reject(error);
  }

  /** The steps in the order of the reply. */
  #inOrder(): Step[] {
    return this.#steps.concat(...this.#groups.map(({ steps }) => steps), this.#alone);
  }

  /** Neighbours usually have the same limits. */
  #shapeOf(counters: readonly CounterSpec[]): ChargeShape {
    if (this.#latest?.counters !== counters) this.#latest = ChargeShape.of(counters);
    return this.#latest;
  }

  #count(operations: number, { counters }: ChargeShape): void {
    this.steps++;
    this.operations += operations;
    this.counters += counters.length;
  }

  #joinAccounts({ joins, counters }: ChargeShape): void {
    if (!joins) return;
    for (const { account } of counters) {
      if (account !== undefined) entryOf(this.#joined, account, () => this.#accountKeys.index(account));
    }
  }

  /** Writes a step as an operation of its own. */
  #write({ first, count, shape, index }: Step): void {
    const { kind, cost, counters, births, admittedAt, agoMs, times } = first.request;
    const detail = kind === CONSUME ? count : (admittedAt ?? agoMs ?? times ?? 0);
    let text = `,${kind},${detail},${counters.length}`;
    for (const [place, counter] of counters.entries()) {
      const account = counter.account === undefined ? index : this.#joined.get(counter.account)!;
      const ends = kind === VIOLATE ? shape.violationEnds : shape.ends;
      text += `,${this.#keyPlace(account + ends[place]!)},`;
      if (kind === REFUND) text += births![place];
      else text += `${this.#keyPlace(account)},${this.#limitsPlace(shape.limits[place]!)}`;
      if (kind === CONSUME || kind === PEEK) {
        text += `,${counter.throttle === undefined ? 0 : this.#keyPlace(account + shape.violationEnds[place]!)}`;
      }
      if (kind !== VIOLATE) text += `,${counter.cost ?? cost}`;
    }
    this.#operations += text;
  }

  /** A key must not have two places, so an account whose counters others name has operations of its own. */
  #group(): readonly Group[] {
    const groups: Group[] = [];
    const joined = new Set(this.#joined.values());
    for (const step of this.#alone.splice(0)) {
      const { index, shape } = step;
      if (joined.has(index)) {
        this.#steps.push(step);
        this.#write(step);
        continue;
      }
      const { keys, steps } = this.#groupOf(groups, step);
      steps.push(step);
      const { counters, ends, violationEnds } = shape;
      for (let place = 0; place < counters.length; place++) {
        const { account, throttle } = counters[place]!;
        if (account !== undefined) continue;
        keys.push(index + ends[place]!);
        if (throttle !== undefined) keys.push(index + violationEnds[place]!);
      }
      keys.push(index);
    }
    return groups;
  }

  #groupOf(groups: Group[], { first, count, shape }: Step): Group {
    const { cost } = first.request;
    for (const group of groups) {
      if (group.times === count && group.cost === cost && group.steps[0]!.shape.isLike(shape)) return group;
    }
    let counters = '';
    for (const [place, counter] of shape.counters.entries()) {
      counters += `,${this.#groupKeys(counter, shape, place)},${counter.cost ?? cost}`;
    }
    const group = { cost, times: count, counters, keys: [], steps: [] };
    groups.push(group);
    return group;
  }

  /** The places of a counter of a group: 0 where they differ between its accounts. */
  #groupKeys({ account, throttle }: CounterSpec, shape: ChargeShape, place: number): string {
    const limits = this.#limitsPlace(shape.limits[place]!);
    if (account === undefined) return `0,0,${limits},${throttle === undefined ? 0 : 1}`;
    const index = this.#joined.get(account)!;
    const violations = throttle === undefined ? 0 : this.#keyPlace(index + shape.violationEnds[place]!);
    return `${this.#keyPlace(index + shape.ends[place]!)},${this.#keyPlace(index)},${limits},${violations}`;
  }

  #keyPlace(key: string): number {
    return entryOf(this.#keyPlaces, key, () => this.#keys.push(key));
  }

  #limitsPlace(limits: CounterLimits): number {
    return entryOf(this.#limitPlaces, limits, () => {
      const place = this.#limitsEnd + QUOTAS_OFFSET;
      this.#limitsEnd += limits.count;
      this.#limits += limits.text;
      return place;
    });
  }
}

/** Behind the nonce and the place of the operations. */
const SHAPES_START = 3;

/** Equal charges of several accounts. */
interface Group {
  readonly cost: number;
  readonly times: number;
  /** The arguments of the counters. */
  readonly counters: string;
  readonly keys: string[];
  readonly steps: Step[];
}
