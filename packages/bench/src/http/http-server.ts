import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ConstantAnswer, HttpSettings } from '../contenders/http-settings.js';
import { OwnProcess } from '../own-process.js';
import type { Contender, HttpCounts, HttpTask } from './http-process.js';
import { CONNECTIONS, type Load, PATHS } from './load.js';

export type Kind = 'admitted' | 'refused';

export type HttpProcess = OwnProcess<HttpTask, unknown>;

export function httpProcess(framework: string): HttpProcess {
  return new OwnProcess(new URL('./http-process.js', import.meta.url), [framework]);
}

/** A contender's server. In a smoke run several servers share one process. */
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

  /** Sends one request for each account. */
  async requestAll(): Promise<void> {
    for (const path of PATHS) {
      const response = await fetch(`http://127.0.0.1:${this.#port}${path}`);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${this.name} refused the first request of an account`);
    }
  }

  /** Sends one request, and returns what the limiter adds to the bare framework's answer, or sends in its place. */
  async addition(kind: Kind): Promise<ConstantAnswer> {
    const url = `http://127.0.0.1:${this.#port}${PATHS[0]}`;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent: false }, resolve).once('error', reject);
    });
    const body = await text(response);
    if (response.statusCode !== (kind === 'admitted' ? 200 : 429)) {
      throw new Error(`${this.name} answered ${response.statusCode} to a request that should be ${kind}`);
    }
    const { rawHeaders } = response;
    const headers: [string, string][] = [];
    for (let index = 0; index < rawHeaders.length; index += 2) {
      headers.push([rawHeaders[index]!, rawHeaders[index + 1]!]);
    }
    const others = kind === 'admitted' ? OF_EVERY_ANSWER : OF_EVERY_SERVER;
    const added = headers.filter(([name]) => !others.has(name.toLowerCase()));
    return { headers: added, ...(kind === 'refused' && { body }) };
  }

  /** Requests per second. */
  async rate(load: Load, kind: Kind): Promise<number> {
    const { perSecond } = await this.#run(load, kind);
    return perSecond;
  }

  /** CPU time of one request to the contender, and of one to bare, in µs. */
  async cpu(load: Load, kind: Kind): Promise<{ readonly own: number; readonly bare: number }> {
    const { ownCpuUs, bareCpuUs } = await this.#run(load, kind, load.turnMs);
    return { own: ownCpuUs, bare: bareCpuUs };
  }

  /** Throws if an answer was wrong, by the client's count or by the server's. */
  async #run(load: Load, kind: Kind, turnMs?: number): Promise<HttpCounts & { readonly perSecond: number }> {
    await this.#process.ask({ kind: 'begin', port: this.#port, turnMs });
    const { requests, refused, perSecond } = await load.run(this.#port);
    const counts = (await this.#process.ask({ kind: 'end', port: this.#port })) as HttpCounts;
    const { handled } = counts;
    const right =
      kind === 'refused'
        ? refused === requests && handled === 0
        : // The server may count a last request of each connection that the client does not.
          refused === 0 && handled >= requests && handled <= requests + CONNECTIONS;
    if (!right) {
      throw new Error(`${this.name}, ${kind}: of ${requests} requests ${refused} were refused and ${handled} handled`);
    }
    return { ...counts, perSecond };
  }
}

const OF_EVERY_SERVER: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'x-powered-by']);
const OF_EVERY_ANSWER: ReadonlySet<string> = new Set([...OF_EVERY_SERVER, 'content-type', 'content-length', 'etag']);
