import { checkOptions } from '../check.js';
import type { Subjects } from '../decision/index.js';
import { optionTypeError, showName } from '../errors.js';
import type { ChargeOptions } from './request-options.js';

/** What the options contribute to each charge of a request, checked. */
export interface ChargeParts {
  readonly category: string | undefined;
  readonly cost: number;
  readonly plan: string | undefined;
  readonly region: string | undefined;
  readonly environment: string | undefined;
  readonly subjects: Subjects | undefined;
}

/** The parts, if none of them comes from a function. The options have been checked. */
export function constantParts(options: ChargeOptions<never>): ChargeParts | undefined {
  const { category, cost, plan, region, environment, subjects } = options;
  const parts = [category, cost, plan, region, environment, subjects];
  if (parts.some((option) => typeof option === 'function')) return undefined;
  return { category, cost: cost ?? 1, plan, region, environment, subjects } as ChargeParts;
}

type Answer = string | null | undefined;

export function checkParts(
  category: Answer,
  cost: number,
  plan: Answer,
  region: Answer,
  environment: Answer,
  subjects: unknown,
): ChargeParts {
  return {
    category: checkText('category', category),
    cost,
    plan: checkText('plan', plan),
    region: checkText('region', region),
    environment: checkText('environment', environment),
    subjects: subjects === undefined ? undefined : checkSubjects('subjects', subjects),
  };
}

/** The answer of a user's function. It declines with `undefined`, `null` or an empty string. */
export function checkText(option: string, answer: unknown): string | undefined {
  if (answer === undefined || answer === null || answer === '') return undefined;
  if (typeof answer !== 'string') throw optionTypeError(option, 'a string', answer);
  return answer;
}

/** The subjects that a user's function names. It may decline as for a text, all of them or one. */
export function checkSubjects(option: string, answer: unknown): Subjects | undefined {
  if (answer === undefined || answer === null || answer === '') return undefined;
  const named: [string, string][] = [];
  for (const [kind, id] of Object.entries(checkOptions(option, answer))) {
    const text = checkText(`${option}.${showName(kind)}`, id);
    if (text !== undefined) named.push([kind, text]);
  }
  return named.length === 0 ? undefined : Object.fromEntries(named);
}

/** The subjects of a charge: of a kind that the options do not name, the one that the path shows. */
export function withShown(named: Subjects | undefined, shown: Subjects | undefined): Subjects | undefined {
  return named === undefined || shown === undefined ? (named ?? shown) : { ...shown, ...named };
}
