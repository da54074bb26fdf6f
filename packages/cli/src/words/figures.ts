/** A count for people: `12,345`. */
export function countInWords(count: number): string {
  return count.toLocaleString('en');
}

/** A part of the whole for people: `2.8 %`; what is there is never shown as none, and what is missing never as all. */
export function shareInWords(share: number): string {
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  if (share < 1 && share >= 0.9995) return '> 99.9 %';
  return `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}

/** A minute in UTC: `2026-11-17 09:30`. */
export function minuteInWords(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

/** Monday first, as reports have them. */
export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
