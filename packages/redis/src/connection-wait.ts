import type { Connection } from './connection.js';

/** Waits for a connection with one listener on the client, however many wait. */
export class ConnectionWait {
  readonly #connection: Connection;
  #waiting: Promise<void> | undefined;
  #listener: (() => void) | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Resolves with the next connection, if there is one. */
  next(): Promise<void> {
    this.#waiting ??= new Promise((resolve) => {
      this.#listener = () => {
        this.#waiting = undefined;
        resolve();
      };
      this.#connection.whenReady(this.#listener);
    });
    return this.#waiting;
  }

  /** Leaves the client without the listener; who waits still waits. */
  close(): void {
    if (this.#listener !== undefined) this.#connection.forget(this.#listener);
  }
}
