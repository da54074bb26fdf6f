import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';
import { type Clock, monotonicClock } from '../clock.js';
import { warnOnce } from '../warnings.js';

/** A request that a server of this process has answered, as Node publishes it. */
export interface AnsweredRequest {
  readonly request: IncomingMessage;
  readonly server: Server;
}

/** Whether the request came to a server on which a limiter is mounted. */
export type Serves = (answered: AnsweredRequest) => boolean;

interface Mount {
  readonly limiter: string;
  readonly serves: Serves;
  firstAnswerAt: number;
  answers: number;
}

/**
 * Reports limiters that have decided nothing when their server has answered requests for a minute. It listens to
 * Node's own messages about answers, and only while there is a limiter without a decision. After that it costs nothing.
 */
export class MountWatch {
  readonly #clock: Clock;
  readonly #mounts = new Set<Mount>();
  readonly #listener = (message: unknown) => this.#answered(message as AnsweredRequest);

  constructor(clock: Clock = monotonicClock) {
    this.#clock = clock;
  }

  /** Returns a function that ends the watch, for when the limiter has been asked, or its server is closed. */
  add(limiter: string, serves: Serves): () => void {
    // A program that makes more makes them per request, and must not fill the memory with them.
    if (this.#mounts.size >= MOST_MOUNTS) return () => {};
    const mount = { limiter, serves, firstAnswerAt: 0, answers: 0 };
    if (this.#mounts.size === 0) subscribe(ANSWERED, this.#listener);
    this.#mounts.add(mount);
    return () => this.#delete(mount);
  }

  #delete(mount: Mount): void {
    if (this.#mounts.delete(mount) && this.#mounts.size === 0) unsubscribe(ANSWERED, this.#listener);
  }

  #answered(answered: AnsweredRequest): void {
    for (const mount of this.#mounts) {
      if (!mount.serves(answered)) continue;
      const now = this.#clock();
      if (mount.answers++ === 0) mount.firstAnswerAt = now;
      if (now - mount.firstAnswerAt < WATCHED_MS) continue;
      this.#delete(mount);
      const { limiter, answers } = mount;
      warnOnce(
        'TOLLGATE_NOTHING_DECIDED',
        `The limiter ${limiter} is mounted and has decided none of the first ${answers} requests that its server answered: it is mounted after the routes, in another scope, or on another path`,
        limiter,
      );
    }
  }
}

/** Published by Node when a response has been handed to the operating system. */
const ANSWERED = 'http.server.response.finish';
const WATCHED_MS = 60_000;
const MOST_MOUNTS = 100;
