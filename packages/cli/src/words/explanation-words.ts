import type { Explanation, Quota } from '@tollgate/core';
import type { Position } from '@tollgate/sources';
import { quotasInWords } from './quota-words.js';
import { alignedRows } from './rows.js';
import { shownName, shownText } from './shown-text.js';
import { throttleInWords } from './throttle-words.js';

/** A part of what applies, what says so, and where in the file that is. */
export interface Placed<T> {
  readonly value: T;
  readonly from: string | null;
  readonly position: Position | null;
}

type PlacedParts = {
  readonly [P in Exclude<keyof Explanation, 'onStoreFailure' | 'counters'>]: Placed<Explanation[P]['value']>;
};

export interface PlacedExplanation extends PlacedParts, Pick<Explanation, 'onStoreFailure' | 'counters'> {
  /** Of whom. */
  readonly asked: {
    readonly category: string;
    readonly account: string | undefined;
    readonly plan: string | undefined;
    readonly region: string | undefined;
    readonly environment: string | undefined;
  };
  /** The version of the account's limits on Redis, where it has some. */
  readonly held: number | null;
  readonly localShare: number;
}

/** An explanation for people, a row for each part of it. */
export function explainedInWords(explained: PlacedExplanation, file: string): string {
  const { asked, held, quotas, total, throttle, totalThrottle, mode, onStoreFailure, localShare, counters } = explained;
  const row = <T>(part: string, { value, from, position }: Placed<T>, inWords: (value: T) => string) => {
    const where = position === null ? onRedis(from, held) : `${file}:${position.line}:${position.column}`;
    return [part, inWords(value), from === null ? 'nothing: the default' : shownText(from), shownText(where)];
  };
  const inWords = (list: readonly Quota[]) => quotasInWords(list);
  const rows = [
    ['', 'what applies', 'said by', 'where'],
    row('quotas', quotas, inWords),
    row('throttle', throttle, throttleInWords),
    row('total', total, inWords),
    ...(total.value.length === 0 ? [] : [row('its throttle', totalThrottle, throttleInWords)]),
    row('mode', mode, (mode) => mode),
    [
      'store failure',
      localShare < 1 && onStoreFailure === 'local' ? `local, ${localShare} of each limit` : onStoreFailure,
    ],
    ['counters', counters.length === 0 ? 'none' : counters.map(shownText).join(', ')],
  ];
  const who = Object.entries(asked).filter(([, name]) => name !== undefined);
  return `${who.map(([what, name]) => `${what} ${shownName(name!)}`).join(', ')}\n\n${alignedRows(rows)}`;
}

function onRedis(from: string | null, version: number | null): string {
  return from?.startsWith('limits.') && version !== null ? `Redis, version ${version}` : '';
}
