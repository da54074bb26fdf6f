import type { Block } from '@tollgate/core/kit';
import { shownInstant, shownName } from './shown-text.js';

/** An account as its name, an address behind that word. */
export function shownParty({
  account,
  address = '',
}: {
  readonly account?: string | undefined;
  readonly address?: string | undefined;
}): string {
  return account === undefined ? `address ${shownName(address)}` : shownName(account);
}

/** `the account, until 2026-12-31T18:00:00.000Z`. */
export function blockInWords({ party, subject, until }: Omit<Block, 'from'>): string {
  return `the ${subject === undefined ? party : shownName(subject)}, ${blockEndInWords(until)}`;
}

export function blockEndInWords(until: number | undefined): string {
  return until === undefined ? 'without an end' : `until ${shownInstant(until)}`;
}
