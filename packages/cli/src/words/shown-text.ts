/**
 * Text that others chose, such as a reason or an error message, for a terminal: control characters, those that turn the
 * direction of writing and those that show nothing are escaped, so that it can neither command a terminal nor fake a line.
 */
export function shownText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/**
 * An account, a category or another name: as it is where it is plain, else as a JSON string, which {@link parseName} reads
 * as the same name. A long one is shown by its beginning.
 */
export function shownName(name: string): string {
  if (PLAIN.test(name)) return name;
  if (name.length > LONGEST) return `${shownName(name.slice(0, LONGEST))}… (${name.length} characters)`;
  return shownText(JSON.stringify(name));
}

/**
 * A name from the command line. What stands in double quotes is read as a JSON string, as {@link shownName} shows it, for
 * names that cannot be typed.
 */
export function parseName(typed: string): string {
  if (!/^".*"$/s.test(typed)) return typed;
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

/** An instant in milliseconds since the epoch; one that no calendar has is shown as the number. */
export function shownInstant(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString();
}

const LONGEST = 100;
/** Nothing here means anything to a shell, and none is taken for an option. */
const PLAIN = /^[\w.@:+/][\w.@:+/-]{0,99}$/;
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
