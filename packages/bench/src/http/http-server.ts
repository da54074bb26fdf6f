import type { Refusal } from '../contenders/http-settings.js';
import { OwnProcess } from '../own-process.js';
import type { HttpTask } from './http-process.js';
import { CONNECTIONS, type Load, PATHS } from './load.js';

/** A server in a process of its own. */
export class HttpServer {
  readonly name: string;
  readonly #process: OwnProcess<HttpTask, number>;
  readonly #port: number;

  private constructor(name: string, process: OwnProcess<HttpTask, number>, port: number) {
    this.name = name;
    this.#process = process;
    this.#port = port;
  }

  static async start(
    framework: string,
    name: string,
    task: Omit<Extract<HttpTask, { kind: 'listen' }>, 'kind'>,
  ): Promise<HttpServer> {
    const process = new OwnProcess<HttpTask, number>(new URL('./http-process.js', import.meta.url), [framework]);
    return new HttpServer(name, process, await process.ask({ kind: 'listen', ...task }));
  }

  /** One request for each account. */
  async askForAll(): Promise<void> {
    for (const path of PATHS) {
      const response = await fetch(`http://127.0.0.1:${this.#port}${path}`);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${this.name} refused the first request of an account`);
    }
  }

  /** What it answers to the next request, which it is to refuse: what it adds itself, not what every server adds. */
  async refusal(): Promise<Refusal> {
    const response = await fetch(`http://127.0.0.1:${this.#port}${PATHS[0]}`);
    if (response.status !== 429) throw new Error(`${this.name} admitted what is past its limit`);
    const headers = Object.fromEntries([...response.headers].filter(([name]) => !OF_EVERY_SERVER.has(name)));
    return { headers, body: await response.text() };
  }

  /** Requests per second under that load. What it answered must have been right, by the client's count and by its own. */
  async rate(load: Load, kind: 'admitted' | 'refused'): Promise<number> {
    const before = await this.#process.ask({ kind: 'handled' });
    const { requests, refused, perSecond } = await load.run(this.#port);
    const handled = (await this.#process.ask({ kind: 'handled' })) - before;
    const right =
      kind === 'refused'
        ? refused === requests && handled === 0
        : // The last request of each connection is handled, but its answer is no longer counted.
          refused === 0 && handled >= requests && handled <= requests + CONNECTIONS;
    if (!right) {
      throw new Error(`${this.name}, ${kind}: of ${requests} requests ${refused} were refused and ${handled} handled`);
    }
    return perSecond;
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

const OF_EVERY_SERVER: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'x-powered-by']);
