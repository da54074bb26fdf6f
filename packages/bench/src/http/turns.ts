import type { RequestListener } from 'node:http';

/**
 * Two applications in one process that answer requests in turns, and the CPU time of one request to each. That includes
 * the work of the kernel and garbage collection.
 *
 * Two processes with the same program differ by 10 % and more, by their memory layout and by the machine's other work.
 * In one process both are equal for the two.
 */
export class Turns {
  readonly listener: RequestListener;
  readonly #own: Share;
  readonly #bare: Share;
  #current: Share;
  #timer: NodeJS.Timeout | undefined;
  #startedUs = 0;

  constructor(own: RequestListener, bare: RequestListener) {
    this.#own = { listener: own, requests: 0, cpuUs: 0 };
    this.#bare = { listener: bare, requests: 0, cpuUs: 0 };
    this.#current = this.#own;
    this.listener = (request, response) => {
      const current = this.#current;
      current.requests++;
      current.listener(request, response);
    };
  }

  /** Begins turns of `turnMs`, or one turn of the contender. */
  begin(turnMs: number | undefined): void {
    for (const share of [this.#own, this.#bare]) Object.assign(share, { requests: 0, cpuUs: 0 });
    this.#startedUs = cpuUs();
    if (turnMs !== undefined) this.#timer = setInterval(() => this.#handOver(), turnMs);
  }

  /** The time of an application without a turn is 0. */
  end(): { readonly ownCpuUs: number; readonly bareCpuUs: number } {
    clearInterval(this.#timer);
    this.#handOver();
    this.#current = this.#own;
    return { ownCpuUs: perRequest(this.#own), bareCpuUs: perRequest(this.#bare) };
  }

  #handOver(): void {
    const now = cpuUs();
    this.#current.cpuUs += now - this.#startedUs;
    this.#startedUs = now;
    this.#current = this.#current === this.#own ? this.#bare : this.#own;
  }
}

interface Share {
  readonly listener: RequestListener;
  requests: number;
  cpuUs: number;
}

function perRequest({ requests, cpuUs }: Share): number {
  return requests === 0 ? 0 : cpuUs / requests;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
