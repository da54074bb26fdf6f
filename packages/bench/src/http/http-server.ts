import type { ConstantAnswer, HttpSettings } from '../contenders/http-settings.js';
import { OwnProcess } from '../own-process.js';
import { additionTo } from './addition.js';
import type { Contender, HttpCounts, HttpTask } from './http-process.js';
import { CONNECTIONS, type Load, PATHS } from './load.js';

export type Kind = 'admitted' | 'refused';

export type HttpProcess = OwnProcess<HttpTask, unknown>;

export function httpProcess(framework: string): HttpProcess {
  return new OwnProcess(new URL('./http-process.js', import.meta.url), [framework]);
}

/** A server in a process that usually is its own. */
export class HttpServer {
  readonly name: string;
  readonly #process: HttpProcess;
  readonly #port: number;

  private constructor(name: string, process: HttpProcess, port: number) {
    this.name = name;
    this.#process = process;
    this.#port = port;
  }

  static async start(
    process: HttpProcess,
    name: string,
    settings: HttpSettings,
    own: Contender,
    bare: Contender,
  ): Promise<HttpServer> {
    return new HttpServer(name, process, (await process.ask({ kind: 'listen', own, bare, settings })) as number);
  }

  /** One request for each account. */
  async askForAll(): Promise<void> {
    for (const path of PATHS) {
      const response = await fetch(`http://127.0.0.1:${this.#port}${path}`);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${this.name} refused the first request of an account`);
    }
  }

  /** What its limiter adds to the answer to the next request. */
  addition(kind: Kind): Promise<ConstantAnswer> {
    return additionTo(`http://127.0.0.1:${this.#port}${PATHS[0]}`, kind);
  }

  /** Requests per second. */
  async rate(load: Load, kind: Kind): Promise<number> {
    const { perSecond } = await this.#run(load, kind);
    return perSecond;
  }

  /** Processor time of one request, to the contender and to bare. */
  async cpu(load: Load, kind: Kind): Promise<{ readonly own: number; readonly bare: number }> {
    const { ownCpuUs, bareCpuUs } = await this.#run(load, kind, load.turnMs);
    return { own: ownCpuUs, bare: bareCpuUs };
  }

  /** What was answered must have been right, by the client's count and by the server's. */
  async #run(load: Load, kind: Kind, turnMs?: number): Promise<HttpCounts & { readonly perSecond: number }> {
    await this.#process.ask({ kind: 'begin', port: this.#port, turnMs });
    const { requests, refused, perSecond } = await load.run(this.#port);
    const counts = (await this.#process.ask({ kind: 'end', port: this.#port })) as HttpCounts;
    const { handled } = counts;
    const right =
      kind === 'refused'
        ? refused === requests && handled === 0
        : // The last request of each connection is handled, but its answer is no longer counted.
          refused === 0 && handled >= requests && handled <= requests + CONNECTIONS;
    if (!right) {
      throw new Error(`${this.name}, ${kind}: of ${requests} requests ${refused} were refused and ${handled} handled`);
    }
    return { ...counts, perSecond };
  }
}
