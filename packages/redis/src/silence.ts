import type { Clock } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';

/** The commands that a node has not answered. */
interface Unanswered {
  count: number;
  /** When the node last answered, or else was first asked. */
  since: number;
}

/**
 * Notices a connection on which commands are sent and nothing is answered: the other end is gone without a word, or
 * something between swallows the bytes. The system may need a quarter of an hour to notice that.
 */
export class Silence {
  readonly #clock: Clock;
  /** By the node of a Cluster, else under `''`. */
  readonly #nodes = new Map<string, Unanswered>();
  #opening: { readonly connection: number; readonly since: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sent(node: string): void {
    const unanswered = entryOf(this.#nodes, node, NOTHING);
    if (unanswered.count === 0) unanswered.since = this.#clock();
    unanswered.count++;
  }

  answered(node: string): void {
    const unanswered = this.#nodes.get(node)!;
    unanswered.count--;
    unanswered.since = this.#clock();
    if (unanswered.count === 0 && node !== '') this.#nodes.delete(node);
  }

  /** The nodes that have been silent for too long. Each is returned once in {@link SILENT_MS}. */
  silent(): string[] {
    const now = this.#clock();
    const silent: string[] = [];
    for (const [node, unanswered] of this.#nodes) {
      if (unanswered.count === 0 || now - unanswered.since < SILENT_MS) continue;
      unanswered.since = now;
      silent.push(node);
    }
    return silent;
  }

  /** Whether the connection with this number has been opening for too long; `undefined` if none is. */
  opensTooLong(connection: number | undefined): boolean {
    if (connection === undefined) return false;
    const now = this.#clock();
    if (this.#opening?.connection !== connection) this.#opening = { connection, since: now };
    if (now - this.#opening.since < SILENT_MS) return false;
    this.#opening = { connection, since: now };
    return true;
  }
}

/** Longer than a busy server takes for one command, and than a paused one should. */
export const SILENT_MS = 2000;

const NOTHING = (): Unanswered => ({ count: 0, since: 0 });
