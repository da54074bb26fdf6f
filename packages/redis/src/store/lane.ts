import { CONSUME, isAlike, type Operation } from '../script/index.js';

/** What an account has to send, in the order in which it was asked for. */
export class Lane {
  readonly account: string;
  /** The account's key. */
  readonly index: string;
  /** Keys of one group may go together in one call. */
  readonly group: number;
  /** Calls that are under way and not given up. */
  calls = 0;
  first: Operation | undefined = undefined;
  length = 0;
  #last: Operation | undefined = undefined;
  #isAlike = true;

  constructor(account: string, index: string, group: number) {
    this.account = account;
    this.index = index;
    this.group = group;
  }

  /** Whether all are charges, and alike. */
  get isAlike(): boolean {
    return this.#isAlike;
  }

  push(operation: Operation): void {
    const last = this.#last;
    if (last === undefined) {
      this.first = operation;
      this.#isAlike = operation.kind === CONSUME;
    } else {
      last.next = operation;
      this.#isAlike &&= isAlike(last, operation);
    }
    this.#last = operation;
    this.length++;
  }

  /** How many of the first ones are charges that are alike; 1 of what is no charge. */
  alike(): number {
    if (this.#isAlike) return this.length;
    let count = 1;
    for (let operation = this.first!; operation.next !== undefined; operation = operation.next) {
      if (!isAlike(operation, operation.next)) break;
      count++;
    }
    return count;
  }

  /** Forgets the first ones. */
  drop(count: number): void {
    for (let dropped = 0; dropped < count; dropped++) this.first = this.first!.next;
    this.length -= count;
    if (this.length === 0) this.#last = undefined;
  }
}
