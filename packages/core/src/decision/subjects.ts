import { optionRangeError, optionTypeError, showName } from '../errors.js';
import type { Limits, Resolution } from '../policy/index.js';
import { type CounterSpec, subjectCounterName } from '../store/index.js';

/** The subjects that a charge names, by kind. */
export type Subjects = Readonly<Record<string, string | undefined>>;

/** Checks the subjects of a charge. A kind may be left `undefined`. */
export function checkSubjects(subjects: unknown): void {
  if (typeof subjects !== 'object' || subjects === null || Array.isArray(subjects)) {
    throw optionTypeError('subjects', 'an object with the id of each subject', subjects);
  }
  const kinds = Object.keys(subjects);
  if (kinds.length > MAX_SUBJECTS) {
    throw optionRangeError('subjects', `an object with at most ${MAX_SUBJECTS} subjects`, kinds.length);
  }
  for (const kind of kinds) {
    const id = (subjects as Subjects)[kind];
    if (id !== undefined && (typeof id !== 'string' || id === '')) {
      throw optionTypeError(`subjects.${showName(kind)}`, 'a string of at least one character', id);
    }
  }
}

/** The most subjects of a charge. */
export const MAX_SUBJECTS = 8;

/** The resolution with the counters of these subjects in the place of those of their kinds. */
export function withSubjects(resolution: Resolution, subjects: Subjects): Resolution {
  const { local, observed } = resolution;
  if (resolution.subjects.length === 0 && (observed === undefined || observed.subjects.length === 0)) return resolution;
  const counters = countersOf(resolution, subjects);
  return {
    ...resolution,
    counters,
    local: {
      ...local,
      counters: local.counters === resolution.counters ? counters : countersOf(local, subjects),
    },
    ...(observed && { observed: { ...observed, counters: countersOf(observed, subjects) } }),
  };
}

function countersOf({ counters, subjects: kinds }: Limits, subjects: Subjects): readonly CounterSpec[] {
  const others = counters.length - kinds.length;
  if (kinds.length === 0) return counters;
  return counters.map((counter, index) => {
    if (index < others) return counter;
    const subject = subjects[kinds[index - others]!]!;
    return { ...counter, name: subjectCounterName(counter.name, subject), subject };
  });
}
