type Key = string | number;

/**
 * Puts something right in the place of what is wrong, or takes it away where it need not be there. Returns what undoes it;
 * `undefined` where there is no such place.
 */
export function putStandIn(root: object, keys: readonly Key[]): (() => void) | undefined {
  let parent: unknown = root;
  for (const key of keys.slice(0, -1))
    parent = isObject(parent) && Object.hasOwn(parent, key) ? parent[key] : undefined;
  const key = keys.at(-1);
  if (!isObject(parent) || key === undefined) return undefined;
  const before = Object.getOwnPropertyDescriptor(parent, key);
  const replacement = standIn(keys);
  if (replacement === undefined) delete parent[key];
  else parent[key] = replacement;
  return () => {
    if (before === undefined) delete parent[key];
    else Object.defineProperty(parent, key, before);
  };
}

/** What is right under that name, wherever a policy has it. */
function standIn(keys: readonly Key[]): unknown {
  const name = keys.at(-1);
  const parent = keys.at(-2);
  // The whole, which may be a policy or a layer.
  if (keys.length === 1) return { quotas: 'unlimited' };
  if (typeof name === 'number') return { limit: 1, windowMs: LONGEST_MS - name };
  switch (name) {
    case 'limit':
    case 'afterViolations':
      return 1;
    case 'windowMs':
      // Unlike that of any other quota of its list.
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
    default:
      return undefined;
  }
}

const SHORTEST_MS = 100;
const LONGEST_MS = 2_678_400_000;

function isObject(value: unknown): value is Record<Key, unknown> {
  return typeof value === 'object' && value !== null;
}
