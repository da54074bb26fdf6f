import { StoreError } from '@tollgate/core';

/** Reads the reply of the charge script, little-endian doubles, one after the other. */
export class Reply {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(reply: unknown) {
    if (!Buffer.isBuffer(reply) || reply.length % BYTES !== 0) throw wrongShape();
    this.#bytes = reply;
  }

  next(): number {
    const offset = this.#offset;
    if (offset >= this.#bytes.length) throw wrongShape();
    this.#offset = offset + BYTES;
    const number = this.#bytes.readDoubleLE(offset);
    if (!Number.isFinite(number)) throw wrongShape();
    return number;
  }

  /** Milliseconds, where a negative number means for ever. */
  wait(): number {
    const ms = this.next();
    return ms < 0 ? Number.POSITIVE_INFINITY : ms;
  }

  numbers(count: number): number[] {
    const numbers: number[] = [];
    for (let read = 0; read < count; read++) numbers.push(this.next());
    return numbers;
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw wrongShape();
  }
}

const BYTES = 8;

function wrongShape(): StoreError {
  return new StoreError('Redis answered a charge with a reply of the wrong shape', { charged: 'unknown' });
}
