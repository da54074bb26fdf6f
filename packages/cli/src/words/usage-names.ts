import { shownName, shownText } from './shown-text.js';

/** A report's category for a terminal; what has none stands for all that were not counted apart. */
export function shownCategory(category: string): string {
  return category === '' ? OTHERS : shownName(category);
}

/** The same where text is read and not typed, such as a page or a table of cells. */
export function plainCategory(category: string): string {
  return category === '' ? OTHERS : plainName(category);
}

/** A name as it is, but for characters that do something instead of being shown. */
export function plainName(name: string): string {
  return shownText(name);
}

const OTHERS = '(others)';
