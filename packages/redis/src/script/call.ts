import type { CounterSpec } from '@tollgate/core';
import { ChargeShape } from './charge-shape.js';
import { CONSUME, CONSUME_ALIKE, type Operation, PEEK, REFUND, VIOLATE } from './operation.js';
import { Reply } from './reply.js';
import { Run } from './run.js';

/**
 * One call of the charge script: operations put into its KEYS and ARGV, and its reply given to them. The header of the script
 * describes both.
 */
export class Call {
  readonly #runs: Run[] = [];
  readonly #keys: string[] = [];
  readonly #keyPlaces = new Map<string, number>();
  readonly #groups: Group[] = [];
  readonly #shapePlaces = new Map<ChargeShape, number>();
  #shapes = '';
  /** Where in ARGV the next number would stand that is of a shape. */
  #operationsAt = SHAPES_AT;
  #texts = '';

  /** What the script does in one go each. */
  runs = 0;
  operations = 0;

  /** Adds `count` operations of one account, alike in all, from `first` on. `index` is the account's key. */
  add(first: Operation, count: number, index: string): void {
    const { kind, cost, at, births, counters } = first;
    const shape = ChargeShape.of(counters);
    this.#runs.push(new Run(first, count, shape));
    this.#count(count);
    let text = `,${kind},${kind === CONSUME ? count : at},${cost},${counters.length}`;
    for (const [place, { throttle }] of counters.entries()) {
      const ends = kind === VIOLATE ? shape.violationEnds : shape.ends;
      text += `,${this.#keyPlace(index + ends[place]!)},`;
      if (kind === REFUND) text += births[place];
      else text += `${this.#keyPlace(index)},${this.#shapePlace(shape) + shape.places[place]!}`;
      if (kind === CONSUME || kind === PEEK) {
        text += `,${throttle === undefined ? 0 : this.#keyPlace(index + shape.violationEnds[place]!)}`;
      }
    }
    this.#texts += text;
  }

  /** The same for charges of an account that has no others in this call. */
  addAlone(first: Operation, count: number, index: string): void {
    const { counters, cost } = first;
    const group = this.#groupOf(counters, cost, count);
    group.runs.push(new Run(first, count, group.shape));
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

  /** ARGV[1], given a number below 2^52 that no other call has. */
  argument(nonce: number): string {
    let groups = '';
    let place = this.#keys.length + 1;
    for (const { shape, cost, times, runs, keys } of this.#groups) {
      groups += `,${CONSUME_ALIKE},${times},${cost},${shape.counters.length},${runs.length},${place}`;
      for (const counter of shape.places) groups += `,${this.#shapePlace(shape) + counter}`;
      place += keys.length;
    }
    return `[${nonce},${this.#operationsAt}${this.#shapes}${this.#texts}${groups}]`;
  }

  /** Answers every operation, or throws if the reply is not of the shape that it must have. */
  answer(bytes: unknown): void {
    const reply = new Reply(bytes);
    reply.next();
    this.#each((run) => run.read(reply));
    reply.end();
    this.#each((run) => run.answer());
  }

  reject(error: unknown): void {
    this.#each((run) => run.reject(error));
  }

  /** In the order of the reply. */
  #each(act: (run: Run) => void): void {
    for (const run of this.#runs) act(run);
    for (const { runs } of this.#groups) for (const run of runs) act(run);
  }

  #count(operations: number): void {
    this.runs++;
    this.operations += operations;
  }

  #groupOf(counters: readonly CounterSpec[], cost: number, times: number): Group {
    for (const group of this.#groups) {
      if (group.shape.counters === counters && group.cost === cost && group.times === times) return group;
    }
    const group = { shape: ChargeShape.of(counters), cost, times, keys: [], runs: [] };
    this.#groups.push(group);
    return group;
  }

  #keyPlace(key: string): number {
    let place = this.#keyPlaces.get(key);
    if (place === undefined) {
      place = this.#keys.push(key);
      this.#keyPlaces.set(key, place);
    }
    return place;
  }

  /** Where in ARGV the shapes of its counters begin. */
  #shapePlace(shape: ChargeShape): number {
    let place = this.#shapePlaces.get(shape);
    if (place === undefined) {
      place = this.#operationsAt;
      this.#shapePlaces.set(shape, place);
      this.#operationsAt += shape.numbers.length;
      this.#shapes += `,${shape.numbers.join()}`;
    }
    return place;
  }
}

// Behind the nonce and the place of the operations.
const SHAPES_AT = 3;

/** Charges of accounts that have no others in the call, alike but for the account. */
interface Group {
  readonly shape: ChargeShape;
  readonly cost: number;
  readonly times: number;
  readonly keys: string[];
  readonly runs: Run[];
}
