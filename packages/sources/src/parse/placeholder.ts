type Key = string | number;

/**
 * Replaces the value at `keys` by a valid one, or removes it where it is optional. Returns a function that restores it;
 * `undefined` when `root` has no such place.
 */
export function putPlaceholder(root: object, keys: readonly Key[]): (() => void) | undefined {
  let parent: unknown = root;
  for (const key of keys.slice(0, -1))
    parent = isObject(parent) && Object.hasOwn(parent, key) ? parent[key] : undefined;
  const key = keys.at(-1);
  if (!isObject(parent) || key === undefined) return undefined;
  const before = Object.getOwnPropertyDescriptor(parent, key);
  const placeholder = placeholderFor(keys);
  if (placeholder === undefined) delete parent[key];
  else parent[key] = placeholder;
  return () => {
    if (before === undefined) delete parent[key];
    else Object.defineProperty(parent, key, before);
  };
}

/** A value that is valid under this name anywhere in a policy; `undefined` for an optional one. */
function placeholderFor(keys: readonly Key[]): unknown {
  const name = keys.at(-1);
  const parent = keys.at(-2);
  // The root: a policy or a layer.
  if (keys.length === 1) return { quotas: 'unlimited' };
  // An id in a list of blocked subjects.
  if (typeof name === 'number' && parent === 'blocked' && keys.at(-4) === 'each') return `placeholder ${name}`;
  if (typeof name === 'number') return { limit: 1, windowMs: LONGEST_MS - name };
  switch (name) {
    case 'limit':
    case 'afterViolations':
      return 1;
    case 'windowMs':
      // Each quota of a list needs a different window.
      return LONGEST_MS - Number(parent);
    case 'withinMs':
    case 'forMs':
      return SHORTEST_MS;
    case 'maxMs':
      return LONGEST_MS;
    case 'factor':
      return parent === 'escalate' ? 2 : 0.5;
    case 'quotas':
      return 'unlimited';
    case 'until':
      return LATER;
    default:
      return undefined;
  }
}

const LATER = '2100-01-01T00:00:00Z';
const SHORTEST_MS = 100;
const LONGEST_MS = 2_678_400_000;

function isObject(value: unknown): value is Record<Key, unknown> {
  return typeof value === 'object' && value !== null;
}
