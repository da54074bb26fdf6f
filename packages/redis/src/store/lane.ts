import { CONSUME, type Operation } from '../script/index.js';

/** The unsent operations of one account, in order. */
export class Lane {
  readonly account: string;
  /** The account's key. */
  readonly index: string;
  /** The account's slot on a cluster, else 0. */
  readonly slot: number;
  /** Calls with operations of the account that the lane still waits for. */
  calls = 0;
  first: Operation | undefined = undefined;
  length = 0;
  #last: Operation | undefined = undefined;
  #isUniform = true;

  constructor(account: string, index: string, slot: number) {
    this.account = account;
    this.index = index;
    this.slot = slot;
  }

  /** Whether all are equal charges. */
  get isUniform(): boolean {
    return this.#isUniform;
  }

  push(operation: Operation): void {
    const last = this.#last;
    if (last === undefined) {
      this.first = operation;
      this.#isUniform = operation.request.kind === CONSUME;
    } else {
      last.next = operation;
      this.#isUniform &&= last.equals(operation);
    }
    this.#last = operation;
    this.length++;
  }

  /** The number of equal charges that the lane begins with, or 1 where it begins with another operation. */
  uniformPrefix(): number {
    let count = 1;
    for (let operation = this.first!; operation.next !== undefined; operation = operation.next) {
      if (!operation.equals(operation.next)) break;
      count++;
    }
    return count;
  }

  /** Removes the first `count`. */
  drop(count: number): void {
    for (let dropped = 0; dropped < count; dropped++) this.first = this.first!.next;
    this.length -= count;
    if (this.length === 0) this.#last = undefined;
  }
}
