import type { Clock } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';

/** The commands of a node. */
interface Commands {
  sent: number;
  answered: number;
  /** How many were answered when some were found unanswered, and when that was. */
  mark: { readonly answered: number; readonly at: number } | undefined;
}

/**
 * Notices a connection on which commands are sent and nothing is answered: the other end is gone without a word, or
 * something between swallows the bytes. The system may need a quarter of an hour to notice that.
 *
 * Commands are only counted, since they are many. Time is read when somebody looks for silence, which is seldom.
 */
export class Silence {
  readonly #clock: Clock;
  /** Of a single client. */
  readonly #commands: Commands = none();
  /** By the node of a Cluster. */
  readonly #nodes = new Map<string, Commands>();
  #opening: (Opening & { readonly since: number }) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sent(node: string): void {
    if (node === '') this.#commands.sent++;
    else entryOf(this.#nodes, node, none).sent++;
  }

  /** A command was answered, or has failed. */
  answered(node: string): void {
    if (node === '') this.#commands.answered++;
    else this.#answeredBy(node);
  }

  /** The nodes that have answered nothing for {@link SILENT_MS} of looking. Each is returned once in that time. */
  silent(): string[] {
    return ['', ...this.#nodes.keys()].filter((node) => this.#isSilent(this.#nodes.get(node) ?? this.#commands));
  }

  #answeredBy(node: string): void {
    const commands = this.#nodes.get(node)!;
    commands.answered++;
    if (commands.answered === commands.sent) this.#nodes.delete(node);
  }

  #isSilent(commands: Commands): boolean {
    const { sent, answered, mark } = commands;
    const at = this.#clock();
    if (sent === answered) commands.mark = undefined;
    else if (mark?.answered !== answered) commands.mark = { answered, at };
    else if (at - mark.at >= SILENT_MS) {
      commands.mark = { answered, at };
      return true;
    }
    return false;
  }

  /** Whether this connection has been opening for too long, and has received nothing more; `undefined` for none. */
  opensTooLong(opening: Opening | undefined): boolean {
    if (opening === undefined) return false;
    const now = this.#clock();
    const before = this.#opening;
    if (before?.connection !== opening.connection || before.bytesRead !== opening.bytesRead) {
      this.#opening = { ...opening, since: now };
      return false;
    }
    if (now - before.since < (opening.bytesRead > 0 ? LOADING_MS : SILENT_MS)) return false;
    this.#opening = { ...opening, since: now };
    return true;
  }
}

/** A connection that is open and not ready yet. */
export interface Opening {
  /** Its number among those of the client. */
  readonly connection: number;
  /** What it has received. */
  readonly bytesRead: number;
}

/** A server that loads its data does answer, and ioredis asks it again after up to 10 seconds. */
const LOADING_MS = 15_000;

/** Longer than a busy server takes for one command, and than a paused one should. */
export const SILENT_MS = 2000;

function none(): Commands {
  return { sent: 0, answered: 0, mark: undefined };
}
