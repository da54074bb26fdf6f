import { type CounterSpec, MemoryStore, type Outcome, type Store, StoreError } from '@tollgate/core';

type Asked = 'consume' | 'peek' | 'refund' | 'pardon' | 'reset' | 'record' | 'probe';

/** How the store answers. `hold` executes a call at once and answers it at `release()`. */
export type Manner = 'well' | 'hang' | 'hold' | 'refuse' | 'spoilt' | 'unknown' | 'throw' | 'garbage' | 'nothing';

/** A memory store that answers with promises, and fails in the way that `manner` names. */
export class FailingStore implements Store {
  readonly memory: MemoryStore;
  readonly asked: Asked[] = [];
  manner: Manner = 'well';
  /** By account. `manner` applies to all others. */
  readonly manners = new Map<string, Manner>();
  readonly timeoutMs?: number;
  readonly joinsAccounts = true;
  #pending: (() => void)[] = [];

  constructor(memory: MemoryStore = new MemoryStore()) {
    this.memory = memory;
  }

  consume(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    return this.#answer('consume', account, () => this.memory.consume(account, counters, cost));
  }

  peek(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    return this.#answer('peek', account, () => this.memory.peek(account, counters, cost));
  }

  refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome): Promise<void> {
    return this.#answer('refund', account, () => this.memory.refund(account, counters, cost, outcome));
  }

  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): Promise<void> {
    return this.#answer('record', account, () => this.memory.record(account, counters, cost, agoMs));
  }

  reset(account: string, name?: string): Promise<void> {
    return this.#answer('reset', account, () =>
      name === undefined ? this.memory.reset(account) : this.memory.reset(account, name),
    );
  }

  pardon(account: string, name?: string): Promise<void> {
    return this.#answer('pardon', account, () =>
      name === undefined ? this.memory.pardon(account) : this.memory.pardon(account, name),
    );
  }

  probe(account: string): Promise<void> {
    return this.#answer('probe', account, () => undefined);
  }

  close(): void {
    this.memory.close();
  }

  /** Answers the pending calls of `hold`. */
  release(): void {
    for (const answer of this.#pending.splice(0)) answer();
  }

  countOf(asked: Asked): number {
    return this.asked.filter((one) => one === asked).length;
  }

  #answer<T>(asked: Asked, account: string, act: () => T): Promise<T> {
    this.asked.push(asked);
    switch (this.manners.get(account) ?? this.manner) {
      case 'well':
        return Promise.resolve().then(act);
      case 'hang':
        return new Promise(() => {});
      case 'hold': {
        const acted = Promise.resolve().then(act);
        return new Promise((resolve) => this.#pending.push(() => resolve(acted)));
      }
      case 'refuse':
        return Promise.reject(new StoreError('the line is dead', { charged: 'no' }));
      case 'spoilt':
        return Promise.reject(new StoreError('that is no counter', { charged: 'no', concerns: 'account' }));
      case 'unknown':
        return Promise.reject(new Error('the line went dead'));
      case 'throw':
        throw new Error('no line');
      case 'garbage':
        return Promise.resolve({ allowed: 'yes' } as T);
      case 'nothing':
        return Promise.reject(undefined);
    }
  }
}
