import type { ConstantAnswer } from '../contenders/http-settings.js';
import { OwnProcess } from '../own-process.js';
import { additionTo } from './addition.js';
import type { HttpCounts, HttpTask } from './http-process.js';
import { CONNECTIONS, type Load, PATHS } from './load.js';

/** A server in a process of its own. */
export class HttpServer {
  readonly name: string;
  readonly #process: OwnProcess<HttpTask, number | HttpCounts>;
  readonly #port: number;

  private constructor(name: string, process: OwnProcess<HttpTask, number | HttpCounts>, port: number) {
    this.name = name;
    this.#process = process;
    this.#port = port;
  }

  static async start(
    framework: string,
    name: string,
    task: Omit<Extract<HttpTask, { kind: 'listen' }>, 'kind'>,
  ): Promise<HttpServer> {
    const process = new OwnProcess<HttpTask, number | HttpCounts>(new URL('./http-process.js', import.meta.url), [
      framework,
    ]);
    return new HttpServer(name, process, (await process.ask({ kind: 'listen', ...task })) as number);
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
  addition(kind: 'admitted' | 'refused'): Promise<ConstantAnswer> {
    return additionTo(`http://127.0.0.1:${this.#port}${PATHS[0]}`, kind);
  }

  /** What it does under that load. What it answered must have been right, by the client's count and by its own. */
  async run(load: Load, kind: 'admitted' | 'refused'): Promise<HttpSample> {
    const before = await this.#counts();
    const { requests, refused, perSecond } = await load.run(this.#port);
    const after = await this.#counts();
    const handled = after.handled - before.handled;
    const right =
      kind === 'refused'
        ? refused === requests && handled === 0
        : // The last request of each connection is handled, but its answer is no longer counted.
          refused === 0 && handled >= requests && handled <= requests + CONNECTIONS;
    if (!right) {
      throw new Error(`${this.name}, ${kind}: of ${requests} requests ${refused} were refused and ${handled} handled`);
    }
    return { perSecond, cpuUs: (after.cpuUs - before.cpuUs) / Math.max(requests, handled) };
  }

  async #counts(): Promise<HttpCounts> {
    return (await this.#process.ask({ kind: 'counts' })) as HttpCounts;
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

export interface HttpSample {
  readonly perSecond: number;
  /** The server's processor time for one request. */
  readonly cpuUs: number;
}
