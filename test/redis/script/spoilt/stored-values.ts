import type { CounterSpec } from '@tollgate/core';
import { Quota, Throttle } from '@tollgate/core';

/** The instant of the script's clock. */
export const NOW = 1_800_000_000_000;
const BIRTH = 1_234_567_890_123;

/** What the spoilt account is charged against. */
export const COUNTERS: readonly CounterSpec[] = [
  {
    name: 'legs',
    quotas: [new Quota({ limit: 5, windowMs: 60_000 }), new Quota({ limit: 3, windowMs: 1000 })],
    throttle: new Throttle({
      afterViolations: 3,
      withinMs: 60_000,
      forMs: 10_000,
      factor: 0.5,
      escalate: { factor: 2, maxMs: 20_000 },
    }),
  },
];
/** An admission that the counter has. */
export const ADMITTED = {
  allowed: true,
  now: NOW - 500,
  used: [3, 2],
  resetAfterMs: [1, 1],
  retryAfterMs: 0,
  token: [BIRTH],
};

/** A stored value, as the header of the script describes it, with the name of each part of it. */
export class StoredValue {
  #bytes: Buffer = Buffer.alloc(0);
  /** By bit. */
  readonly parts: string[] = [];

  get bytes(): Buffer {
    return this.#bytes;
  }

  u8(part: string, ...values: number[]): this {
    return this.#append(part, Buffer.from(values));
  }

  u16(part: string, value: number): this {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return this.#append(part, bytes);
  }

  u32(part: string, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.#append(part, bytes);
  }

  f64(part: string, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return this.#append(part, bytes);
  }

  flipped(bit: number): Buffer {
    const bytes = Buffer.from(this.#bytes);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  }

  #append(part: string, bytes: Buffer): this {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (let bit = 0; bit < 8 * bytes.length; bit++) this.parts.push(part);
    return this;
  }
}

export function counter({ base = NOW - 30_000, birth = BIRTH } = {}): StoredValue {
  return new StoredValue()
    .u8('version', 1)
    .f64('birth', birth)
    .f64('base', base)
    .u32('latest change', 29_500)
    .u8('number of windows', 2)
    .u32('length of a window', 60_000)
    .u32('used', 3)
    .u16('number of slices', 2)
    .u8('bytes of a cost', 1)
    .u8('unused bytes', 0, 0)
    .u32('length of a window', 1000)
    .u32('used', 2)
    .u16('number of slices', 1)
    .u8('bytes of a cost', 1)
    .u8('unused bytes', 0, 0)
    .u32('instant of a slice', 0)
    .u8('cost of a slice', 1)
    .u32('instant of a slice', 29_500)
    .u8('cost of a slice', 2)
    .u32('instant of a slice', 29_500)
    .u8('cost of a slice', 2);
}

/** Of two violations. */
export function violations({ endsAt = 0, lasted = 0, until = NOW + 50_000, base = NOW - 20_000 } = {}): StoredValue {
  return new StoredValue()
    .u8('version', 1)
    .f64('end of the throttling', endsAt)
    .u32('its duration', lasted)
    .f64('until when it matters', until)
    .f64('base', base)
    .u32('used', 2)
    .u16('number of slices', 2)
    .u32('instant of a slice', 0)
    .u32('cost of a slice', 1)
    .u32('instant of a slice', 10_000)
    .u32('cost of a slice', 1);
}

export const THROTTLED = { endsAt: NOW, lasted: 10_000, until: NOW + 86_400_000 };

/** Each double that differs from this one in one bit. An index cannot have a score that is no number. */
export function flippedScores(score: number): number[] {
  const value = new StoredValue().f64('score', score);
  const scores = value.parts.map((_, bit) => value.flipped(bit).readDoubleLE(0));
  return scores.filter((flipped) => !Number.isNaN(flipped));
}
