import { legsApiPolicy, type Policy } from '@tollgate/core';
import { printError } from '../output.js';
import { shownText } from '../words/index.js';

/** Names from the command line. */
export interface TypedNames {
  readonly category?: string | undefined;
  readonly plan?: string | undefined;
  readonly region?: string | undefined;
  readonly environment?: string | undefined;
}

/** @throws UsageError, in effect, for a name that the policy does not have: its error is that of a wrong option. */
export function checkNames(policy: Policy, names: TypedNames): void {
  for (const kind of ['category', 'plan', 'region', 'environment'] as const) {
    const name = names[kind];
    if (name !== undefined) policy.checkName(kind, name, `--${kind}`);
  }
}

/**
 * Notes a category that is probably one of the Legs API misspelt. Without a policy file the command has no names, and
 * the service may have other categories.
 */
export function noteLikelyMistake(category: string): void {
  try {
    legsApiPolicy().checkName('category', category, '--category');
  } catch (error) {
    const { message } = error as Error;
    const meant = /did you mean (\w+)\?$/.exec(message)?.[1];
    if (meant === undefined) return;
    printError(shownText(`The Legs API has no category ${category}. Did you mean ${meant}? --policy checks it.`));
  }
}
