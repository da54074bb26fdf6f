import type { RequestListener } from 'node:http';

/**
 * Two applications in one process, of which one answers all requests for a moment, and then the other; and how much of the
 * processor each takes for a request, with all that the process does: the kernel's work for it, and the collecting of garbage.
 *
 * Two processes that do exactly the same differ by a tenth and more, by where their memory lies and by what else the machine
 * does meanwhile. Here both is the same for both.
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

  /** With turns of that length, or of the contender alone. */
  begin(turnMs: number | undefined): void {
    for (const share of [this.#own, this.#bare]) Object.assign(share, { requests: 0, cpuUs: 0 });
    this.#startedUs = cpuUs();
    if (turnMs !== undefined) this.#timer = setInterval(() => this.#handOver(), turnMs);
  }

  /** 0 of whom no turn was given. */
  end(): { readonly ownCpuUs: number; readonly bareCpuUs: number } {
    clearInterval(this.#timer);
    this.#handOver();
    this.#current = this.#own;
    return { ownCpuUs: ofOneRequest(this.#own), bareCpuUs: ofOneRequest(this.#bare) };
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

function ofOneRequest({ requests, cpuUs }: Share): number {
  return requests === 0 ? 0 : cpuUs / requests;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
