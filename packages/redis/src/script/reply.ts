import { StoreError } from '@tollgate/core';

/** The reply of the charge script: doubles, little-endian, read one after the other. */
export class Reply {
  readonly #bytes: Buffer;
  #place = 0;

  constructor(reply: unknown) {
    if (!Buffer.isBuffer(reply) || reply.length % BYTES !== 0) throw wrongShape();
    this.#bytes = reply;
  }

  next(): number {
    const place = this.#place;
    if (place >= this.#bytes.length) throw wrongShape();
    this.#place = place + BYTES;
    const number = this.#bytes.readDoubleLE(place);
    if (!Number.isFinite(number)) throw wrongShape();
    return number;
  }

  numbers(count: number): number[] {
    const numbers: number[] = [];
    for (let read = 0; read < count; read++) numbers.push(this.next());
    return numbers;
  }

  end(): void {
    if (this.#place !== this.#bytes.length) throw wrongShape();
  }
}

const BYTES = 8;

function wrongShape(): StoreError {
  return new StoreError('Redis answered a charge with a reply of the wrong shape', { charged: 'unknown' });
}
