/**
 * The name that the given one is probably meant to be: the same in another letter case, or with few typing errors.
 * `undefined` when none is near, and for a name that is too long to be a typing error.
 */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  if (given.length > LONGEST) return undefined;
  const word = normal(given);
  let nearest: string | undefined;
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names.slice(0, MOST_NAMES)) {
    if (Math.abs(name.length - word.length) > fewest) continue;
    const errors = typingErrors(word, normal(name));
    if (errors < fewest) {
      fewest = errors;
      nearest = name;
    }
  }
  return nearest;
}

const LONGEST = 64;
const MOST_NAMES = 10_000;

function normal(name: string): string {
  return name.trim().toLowerCase();
}

/** How many letters have to be added, removed, replaced, or exchanged with their neighbour. */
function typingErrors(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      let errors = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (isSame ? 0 : 1));
      const isExchanged = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isExchanged) errors = Math.min(errors, beforeLast[column - 2]! + 1);
      current.push(errors);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
