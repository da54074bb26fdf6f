import type { CounterSpec } from './store.js';

/**
 * Which limiter a counter belongs to. The counters of a limiter with a name of its own begin with `*name/`. Those of
 * other limiters do not: a policy escapes `*` and `/` in the names of categories and environments.
 */

/** The limiter without a name. Its counters have no prefix. */
export const DEFAULT_LIMITER = 'default';

/** What the names of the limiter's counters begin with. */
export function counterPrefix(limiter: string): string {
  return limiter === DEFAULT_LIMITER ? '' : `*${limiter}/`;
}

/** The same for a counter, by its name. */
export function counterPrefixOf(counter: string): string {
  if (counter.charCodeAt(0) !== ASTERISK) return '';
  return PREFIX.exec(counter)?.[0] ?? '';
}

/**
 * The name of the limiter that a counter belongs to, `default` for a limiter without a name. For a store's `reset` and
 * `pardon` of all counters of one limiter.
 *
 * @param counter The name of the counter, as in a {@link CounterSpec}.
 *
 * @example
 * limiterNameOf('*login/legs'); // 'login'
 * limiterNameOf('legs'); // 'default'
 */
export function limiterNameOf(counter: string): string {
  return counterPrefixOf(counter).slice(1, -1) || DEFAULT_LIMITER;
}

/** The name of the counter of one subject. `kind` is what the names of all counters of its kind begin with. */
export function subjectCounterName(kind: string, subject: string): string {
  return `${kind}/${subject}`;
}

/** The reverse of {@link subjectCounterName}; `undefined` for the name of a counter that belongs to no subject. */
export function partsOfSubjectCounter(name: string): { readonly kind: string; readonly subject: string } | undefined {
  const kind = SUBJECT_KIND.exec(name)?.[0];
  return kind === undefined ? undefined : { kind: kind.slice(0, -1), subject: name.slice(kind.length) };
}

/** What the name of a kind of subjects begins with, behind the prefixes of limiter, candidate and environment. */
export const SUBJECT_MARK = '*~';
const SUBJECT_KIND = /^(?:\*[A-Za-z0-9._-]{1,64}\/)?(?:\*\/)?(?:[^/*]+\/)?\*~[^/*]+\//;

/** Whose counters are those of everybody together. No account or address has this owner. */
export const SERVICE_OWNER = '@service';

/** Whose counters a charge of the account names: the account first, then others. */
export function ownersOf(account: string, counters: readonly CounterSpec[]): readonly string[] {
  const owners = [account];
  for (const { account: other } of counters) if (other !== undefined && !owners.includes(other)) owners.push(other);
  return owners;
}

/** The names that {@link limiterNameOf} recognises, and a limiter may have. */
export const LIMITER_NAME: RegExp = /^[A-Za-z0-9._-]{1,64}$/;
const PREFIX = /^\*[A-Za-z0-9._-]{1,64}\//;
const ASTERISK = 42;
