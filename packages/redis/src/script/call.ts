import type { CounterSpec } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import { ChargeShape } from './charge-shape.js';
import { CONSUME, CONSUME_GROUP, type Operation, PEEK, REFUND, VIOLATE } from './operation.js';
import { Reply } from './reply.js';
import type { SpoiltCounters } from './spoilt.js';
import { Step } from './step.js';

/**
 * One call of the charge script: writes operations as KEYS and ARGV, and reads the reply. The script's header has both
 * formats.
 */
export class Call {
  readonly #steps: Step[] = [];
  readonly #keys: string[] = [];
  readonly #keyPlaces = new Map<string, number>();
  readonly #groups: Group[] = [];
  readonly #shapePlaces = new Map<ChargeShape, number>();
  #shapes = '';
  /** The place in ARGV behind the shapes. */
  #shapesEnd = SHAPES_START;
  #operations = '';

  steps = 0;
  operations = 0;

  /** Adds `count` equal operations of one account, from `first` on. `index` is the account's key. */
  add(first: Operation, count: number, index: string): void {
    const { kind, cost, counters, births, admittedAt, agoMs, times } = first.request;
    const detail = kind === CONSUME ? count : (admittedAt ?? agoMs ?? times ?? 0);
    const shape = ChargeShape.of(counters);
    this.#steps.push(new Step(first, count, shape));
    this.#count(count);
    let text = `,${kind},${detail},${cost},${counters.length}`;
    for (const [place, { throttle }] of counters.entries()) {
      const ends = kind === VIOLATE ? shape.violationEnds : shape.ends;
      text += `,${this.#keyPlace(index + ends[place]!)},`;
      if (kind === REFUND) text += births![place];
      else text += `${this.#keyPlace(index)},${this.#shapePlace(shape) + shape.places[place]!}`;
      if (kind === CONSUME || kind === PEEK) {
        text += `,${throttle === undefined ? 0 : this.#keyPlace(index + shape.violationEnds[place]!)}`;
      }
    }
    this.#operations += text;
  }

  /**
   * Adds equal charges of an account that has nothing else in this call. Such accounts with equal charges share
   * arguments.
   */
  addToGroup(first: Operation, count: number, index: string): void {
    const { counters, cost } = first.request;
    const group = this.#groupOf(counters, cost, count);
    group.steps.push(new Step(first, count, group.shape));
    this.#count(count);
    const { keys, shape } = group;
    for (const end of shape.ends) keys.push(index + end);
    if (shape.hasThrottle) {
      for (const end of shape.violationEnds) if (end !== undefined) keys.push(index + end);
    }
    keys.push(index);
  }

  get keys(): string[] {
    return this.#keys.length === 0 && this.#groups.length === 1
      ? this.#groups[0]!.keys
      : this.#keys.concat(...this.#groups.map(({ keys }) => keys));
  }

  /** ARGV[1]. `nonce` is a number below 2^52 that no other call has. */
  argument(nonce: number): string {
    let groups = '';
    let place = this.#keys.length + 1;
    for (const { shape, cost, times, steps, keys } of this.#groups) {
      groups += `,${CONSUME_GROUP},${times},${cost},${shape.counters.length},${steps.length},${place}`;
      for (const counter of shape.places) groups += `,${this.#shapePlace(shape) + counter}`;
      place += keys.length;
    }
    return `[${nonce},${this.#shapesEnd}${this.#shapes}${this.#operations}${groups}]`;
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

  reject(error: unknown): void {
    for (const step of this.#inOrder()) step.reject(error);
  }

  /** The steps in the order of the reply. */
  #inOrder(): Step[] {
    return this.#steps.concat(...this.#groups.map(({ steps }) => steps));
  }

  #count(operations: number): void {
    this.steps++;
    this.operations += operations;
  }

  #groupOf(counters: readonly CounterSpec[], cost: number, times: number): Group {
    for (const group of this.#groups) {
      if (group.shape.counters === counters && group.cost === cost && group.times === times) return group;
    }
    const group = { shape: ChargeShape.of(counters), cost, times, keys: [], steps: [] };
    this.#groups.push(group);
    return group;
  }

  #keyPlace(key: string): number {
    return entryOf(this.#keyPlaces, key, () => this.#keys.push(key));
  }

  /** The place in ARGV where the shapes of its counters begin. */
  #shapePlace(shape: ChargeShape): number {
    return entryOf(this.#shapePlaces, shape, () => {
      const place = this.#shapesEnd;
      this.#shapesEnd += shape.numbers.length;
      this.#shapes += `,${shape.numbers.join()}`;
      return place;
    });
  }
}

/** Behind the nonce and the place of the operations. */
const SHAPES_START = 3;

/** Equal charges of several accounts. */
interface Group {
  readonly shape: ChargeShape;
  readonly cost: number;
  readonly times: number;
  readonly keys: string[];
  readonly steps: Step[];
}
