import type { Explanation, Quota } from '@tollgate/core';
import type { Position } from '@tollgate/sources';
import { alignedRows, quotasInWords, shownName, shownText, throttleInWords } from '../words/index.js';

/** A value that applies, the option that sets it, and the position of that option in the file. */
export interface Placed<T> {
  readonly value: T;
  readonly from: string | null;
  readonly position: Position | null;
}

type Part = 'quotas' | 'total' | 'throttle' | 'totalThrottle' | 'mode';
type PlacedParts = { readonly [P in Part]: Placed<Explanation[P]['value']> };

/** The JSON document of `policy explain`. */
export interface PlacedExplanation extends PlacedParts, Pick<Explanation, 'onStoreFailure' | 'counters'> {
  /** The request. */
  readonly asked: {
    readonly category: string;
    readonly account: string | undefined;
    readonly plan: string | undefined;
    readonly region: string | undefined;
    readonly environment: string | undefined;
  };
  /** The version of the account's limits on Redis. */
  readonly held: number | null;
  readonly localShare: number;
}

/** The explanation as text, one row for each part. */
export function explanationInWords(explanation: PlacedExplanation, file: string): string {
  const { asked, held: version, quotas, total, throttle, totalThrottle, mode, onStoreFailure } = explanation;
  const { localShare, counters } = explanation;
  const row = <T>(part: string, { value, from, position }: Placed<T>, inWords: (value: T) => string) => {
    const where = position === null ? onRedis(from, version) : `${file}:${position.line}:${position.column}`;
    return [part, inWords(value), from === null ? 'default' : shownText(from), shownText(where)];
  };
  const inWords = (list: readonly Quota[]) => quotasInWords(list);
  const rows = [
    ['', 'what applies', 'set by', 'where'],
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
  const request = Object.entries(asked).filter(([, name]) => name !== undefined);
  return `${request.map(([what, name]) => `${what} ${shownName(name!)}`).join(', ')}\n\n${alignedRows(rows)}`;
}

function onRedis(from: string | null, version: number | null): string {
  return from?.startsWith('limits.') && version !== null ? `Redis, version ${version}` : '';
}
