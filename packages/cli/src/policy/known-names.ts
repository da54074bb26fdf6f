import { legsApiPolicy, type Policy } from '@tollgate/core';
import { clientAddress } from '@tollgate/core/http';
import { UsageError } from '../exit-codes.js';
import { printError } from '../output.js';
import { shownName, shownText } from '../words/index.js';

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
 * Checks the kinds of subjects. Where a policy has none, a limiter takes any kind, and none has an effect; so here that
 * is an error too. `option` is its name in errors.
 *
 * @throws UsageError, in effect, for a kind that the policy does not have.
 */
export function checkSubjectKinds(policy: Policy, subjects: object = {}, option = '--subject'): void {
  for (const kind of Object.keys(subjects)) {
    if (policy.known.subjects.length === 0) {
      throw new UsageError(
        `Expected a policy with limits of subjects for ${option} ${shownName(kind)}, got one without`,
      );
    }
    policy.checkName('subject', kind, option);
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

/** Notes an address that services probably count under another text, such as its IPv6 network. */
export function noteLikelyNetwork(address: string): void {
  const counted = address === '' || address.includes('/') ? address : clientAddress(address);
  if (counted === address) return;
  printError(
    `Services usually count ${shownName(address)} as ${shownName(counted)}, unless their ipv6Prefix is another.`,
  );
}
