/** A count: `12,345`. */
export function countInWords(count: number): string {
  return count.toLocaleString('en');
}

/** A share: `2.8 %`. More than nothing is never shown as 0 %, and less than everything never as 100 %. */
export function shareInWords(share: number): string {
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  if (share < 1 && share >= 0.9995) return '> 99.9 %';
  return `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}

/** A minute in UTC: `2026-11-17 09:30`. */
export function minuteInWords(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

/** In the order of the rows of a usage pattern. */
export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

/** Requests by weekday and hour as a heat map with two characters for each hour. */
export function patternInWords(pattern: readonly (readonly number[])[]): string {
  const most = Math.max(...pattern.flat());
  const hours = Array.from({ length: 24 / HOURS_APART }, (_, index) =>
    String(index * HOURS_APART).padEnd(2 * HOURS_APART),
  );
  const rows = pattern.map((row, day) => {
    const cells = row.map((requests) => SHADES[heatOf(requests, most, SHADES.length - 1)]!.repeat(2)).join('');
    return `${WEEKDAYS[day]!.slice(0, 3)}  ${cells}`.trimEnd();
  });
  const legend = heatBounds(most, SHADES.length - 1).map(({ heat, upTo }) => {
    return `${SHADES[heat]!.repeat(2)} to ${countInWords(upTo)}`;
  });
  return [`     ${hours.join('')}`.trimEnd(), ...rows, `     ${legend.join('  ')}`].join('\n');
}

/** The heat of a cell in equal steps: 0 for no requests, `steps` for the most. */
export function heatOf(requests: number, most: number, steps: number): number {
  return requests === 0 ? 0 : Math.ceil((requests * steps) / most);
}

/** The highest count of each heat. A heat that no whole number has is left out. */
export function heatBounds(most: number, steps: number): { readonly heat: number; readonly upTo: number }[] {
  const bounds = Array.from({ length: steps }, (_, index) => ({
    heat: index + 1,
    upTo: Math.floor((most * (index + 1)) / steps),
  }));
  return bounds.filter(({ upTo }, index) => upTo > (bounds[index - 1]?.upTo ?? 0));
}

const SHADES = [' ', '░', '▒', '▓', '█'] as const;
const HOURS_APART = 3;
