import { countInWords, WEEKDAYS } from './figures.js';

/** Requests by weekday and hour as a small heat map: two characters an hour, darker where there were more. */
export function patternInWords(pattern: readonly (readonly number[])[]): string {
  const most = Math.max(...pattern.flat());
  const hours = Array.from({ length: 24 / HOURS_APART }, (_, at) => String(at * HOURS_APART).padEnd(2 * HOURS_APART));
  const rows = pattern.map((row, day) => {
    const cells = row.map((requests) => SHADES[heatOf(requests, most, SHADES.length - 1)]!.repeat(2)).join('');
    return `${WEEKDAYS[day]!.slice(0, 3)}  ${cells}`.trimEnd();
  });
  const key = heatBounds(most, SHADES.length - 1).map(({ heat, upTo }) => {
    return `${SHADES[heat]!.repeat(2)} to ${countInWords(upTo)}`;
  });
  return [`     ${hours.join('')}`.trimEnd(), ...rows, `     ${key.join('  ')}`].join('\n');
}

/** How dark, from 0 for none to `steps` for the most; equal steps in between. */
export function heatOf(requests: number, most: number, steps: number): number {
  return requests === 0 ? 0 : Math.ceil((requests * steps) / most);
}

/** The most that has each heat; a heat that no whole number has is left out. */
export function heatBounds(most: number, steps: number): { readonly heat: number; readonly upTo: number }[] {
  const bounds = Array.from({ length: steps }, (_, at) => ({
    heat: at + 1,
    upTo: Math.floor((most * (at + 1)) / steps),
  }));
  return bounds.filter(({ upTo }, at) => upTo > (bounds[at - 1]?.upTo ?? 0));
}

const SHADES = [' ', '░', '▒', '▓', '█'] as const;
const HOURS_APART = 3;
