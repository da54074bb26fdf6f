import { shownText } from '../safe-text.js';

/**
 * A name for a terminal: as it is when it is plain, else as a JSON string, which {@link parseName} reads back. Only the
 * beginning of a long name is shown.
 */
export function shownName(name: string): string {
  if (PLAIN.test(name)) return name;
  if (name.length > LONGEST) return `${shownName(name.slice(0, LONGEST))}… (${name.length} characters)`;
  return shownText(JSON.stringify(name));
}

/**
 * Reads a name from the command line. Names that cannot be typed may be JSON strings, as {@link shownName} shows them.
 */
export function parseName(typed: string): string {
  if (!/^".*"$/s.test(typed)) return typed;
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

/** The category of a usage report. An empty name is that of all categories without a count of their own. */
export function shownCategory(category: string): string {
  return category === '' ? OTHERS : shownName(category);
}

/** {@link shownCategory} for a page or a CSV cell, where names are not typed again. */
export function plainCategory(category: string): string {
  return category === '' ? OTHERS : plainName(category);
}

/** {@link shownName} for a page or a CSV cell. */
export function plainName(name: string): string {
  return shownText(name);
}

/** An instant in milliseconds since the epoch. One outside the calendar is shown as a number. */
export function shownInstant(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString();
}

const LONGEST = 100;
const OTHERS = '(others)';
/** Without characters that a shell interprets, and without a dash at the start, as options have. */
const PLAIN = /^[\w.@:+/][\w.@:+/-]{0,99}$/;
