import { UsageError } from '../exit-codes.js';

/** The words that mean each unit, and how one unit is shown. */
const UNITS: readonly {
  readonly words: readonly [short: string, ...string[]];
  readonly one: string;
  readonly ms: number;
}[] = [
  { words: ['d', 'day', 'days'], one: 'day', ms: 86_400_000 },
  { words: ['h', 'hour', 'hours'], one: 'hour', ms: 3_600_000 },
  { words: ['m', 'minute', 'minutes'], one: 'minute', ms: 60_000 },
  { words: ['s', 'second', 'seconds'], one: 'second', ms: 1000 },
  { words: ['ms'], one: '1ms', ms: 1 },
];

const UNIT_WORDS = 'ms, s, second(s), m, minute(s), h, hour(s), d or day(s)';

/**
 * Reads `minute`, `5s` or `30 days` as milliseconds. `option` is its name in errors. The policy checks the range.
 *
 * @throws UsageError when it is not a unit, or a whole number and a unit.
 */
export function parseDuration(words: string, option: string): number {
  const [, count = '', unit = ''] = /^(\d*)\s*([a-z]*)$/i.exec(words.trim()) ?? [];
  const known = UNITS.find(({ words }) => words.includes(unit.toLowerCase()));
  if (known === undefined) {
    throw new UsageError(
      `Expected ${option} to have a time such as minute or 5s, got ${JSON.stringify(words)}: its unit must be ${UNIT_WORDS}`,
    );
  }
  return (count === '' ? 1 : Number(count)) * known.ms;
}

/** `minute`, `5s`, `30d`: the inverse of {@link parseDuration}. */
export function durationInWords(ms: number): string {
  const unit = UNITS.find((unit) => ms === unit.ms);
  return unit === undefined ? countedDuration(ms) : unit.one;
}

/** {@link durationInWords}, always with a number: `1m`. */
export function countedDuration(ms: number): string {
  const { words, ms: unitMs } = UNITS.find((unit) => ms % unit.ms === 0 && ms >= unit.ms) ?? UNITS.at(-1)!;
  return `${ms / unitMs}${words[0]}`;
}

/** A time to wait: `250 ms`, `41.3 s`, `12 min 3 s`; never rounded down. */
export function waitInWords(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)} ms`;
  if (ms < 60_000) return `${Math.ceil(ms / 100) / 10} s`;
  const seconds = Math.ceil(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
