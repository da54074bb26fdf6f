import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { DecisionBody } from './servers.js';

/** One answer, as a client sees it. */
export interface Answer {
  readonly kind: Kind;
  readonly account: string;
  readonly status: number;
  readonly source: DecisionBody['source'] | undefined;
  readonly waitedMs: number;
  readonly askedAt: number;
}

/**
 * Who asks: `calm` stays far below its limit, `greedy` goes past it at once, and for `open` and `shut` the policy says
 * `'allow'` and `'deny'`. It is their category too.
 */
export type Kind = 'calm' | 'greedy' | 'open' | 'shut';
export const KINDS: readonly Kind[] = ['calm', 'greedy', 'open', 'shut'];

/** A real client that asks one server again and again, several requests at a time. */
export class Traffic {
  readonly answers: Answer[] = [];
  /** Gives the greedy client a new account, which Redis has not seen. */
  newcomers = false;
  readonly #pool: Pool;
  readonly #name: string;
  #workers: Promise<void>[] = [];
  #going = true;

  /** Its accounts are `{kind}-{name}`. */
  constructor(origin: string, name: string) {
    this.#pool = new Pool(origin, { connections: 64 });
    this.#name = name;
  }

  start(atATime: number): void {
    for (let worker = 0; worker < atATime; worker++) this.#workers.push(this.#work(worker));
  }

  async ask(kind: Kind, account: string = this.#accountOf(kind)): Promise<Answer> {
    const askedAt = performance.now();
    const { statusCode, body } = await this.#pool.request({
      method: 'GET',
      path: `/v2/accounts/${account}/legs`,
      headers: { 'x-category': kind },
    });
    const text = await body.text();
    const waitedMs = performance.now() - askedAt;
    const source = statusCode === 200 ? (JSON.parse(text) as DecisionBody).source : undefined;
    const answer: Answer = { kind, account, status: statusCode, source, waitedMs, askedAt };
    this.answers.push(answer);
    return answer;
  }

  /** Waits for the requests in flight. */
  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#workers);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#pool.close();
  }

  #accountOf(kind: Kind): string {
    return `${kind}-${this.#name}${kind === 'greedy' && this.newcomers ? '-2' : ''}`;
  }

  async #work(worker: number): Promise<void> {
    for (let turn = worker; this.#going; turn++) {
      await this.ask(KINDS[turn % KINDS.length]!);
      await sleep(20);
    }
  }
}
