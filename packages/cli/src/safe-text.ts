/**
 * Text of others, such as a reason or an error message, for a terminal. Control characters, invisible characters and
 * those that change the direction of writing are escaped. So the text can neither command the terminal nor fake a line.
 */
export function shownText(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** The value as JSON over several lines, with the same characters escaped: a program reads the same value. */
export function shownJson(value: unknown): string {
  // `JSON.stringify` writes line ends between the parts alone, and escapes those in strings.
  return JSON.stringify(value, null, 2).replace(UNSAFE, (character) =>
    character === '\n' ? '\n' : escaped(character),
  );
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
