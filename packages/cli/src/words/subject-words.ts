import { UsageError } from '../exit-codes.js';
import { parseName, shownName } from './shown-text.js';

/** Ids of subjects by kind. */
export type Subjects = Readonly<Record<string, string>>;

/**
 * Reads `leg=L1`, and adds it to the subjects before it. Kind and id may each be a JSON string, as
 * {@link shownSubject} shows those that cannot be typed. An id may contain `=`.
 *
 * @throws UsageError when it is not a kind and an id, or another subject of its kind came before.
 */
export function parseSubject(typed: string, before: Subjects = {}): Subjects {
  const [, quotedKind, plainKind, typedId = ''] = /^(?:("(?:[^"\\]|\\.)*")|([^=]*))=(.*)$/s.exec(typed) ?? [];
  const kind = parseName(quotedKind ?? plainKind ?? '');
  const id = parseName(typedId);
  if (kind === '' || id === '') {
    throw new UsageError(`Expected --subject to be KIND=ID, such as leg=L1, got ${JSON.stringify(typed)}`);
  }
  if (Object.hasOwn(before, kind)) {
    throw new UsageError(`Expected one --subject of each kind, got ${JSON.stringify(kind)} twice`);
  }
  return { ...before, [kind]: id };
}

/** `leg=L1`: the form that {@link parseSubject} reads. Only the beginning of a long id is shown. */
export function shownSubject(kind: string, id: string): string {
  return `${shownName(kind)}=${shownName(id)}`;
}

export function shownSubjects(subjects: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(subjects)
    .map(([kind, id]) => shownSubject(kind, id ?? ''))
    .join(', ');
}
