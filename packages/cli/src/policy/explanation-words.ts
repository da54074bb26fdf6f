import type { Explanation, Quota } from '@tollgate/core';
import type { Block, ExplainedCounter } from '@tollgate/core/kit';
import type { Position } from '@tollgate/sources';
import {
  alignedRows,
  blockInWords,
  quotasInWords,
  type Subjects,
  shownName,
  shownSubjects,
  shownText,
  throttleInWords,
} from '../words/index.js';

/** A value that applies, the option that sets it, and the position of that option in the file. */
export interface Placed<T> {
  readonly value: T;
  readonly from: string | null;
  readonly position: Position | null;
}

type Part = 'quotas' | 'total' | 'throttle' | 'totalThrottle' | 'mode';
type PlacedParts = { readonly [P in Part]: Placed<Explanation[P]['value']> };

export type PlacedCounter = { readonly [P in keyof ExplainedCounter]: Placed<ExplainedCounter[P]['value']> };

/** The JSON document of `policy explain`. */
export interface PlacedExplanation extends PlacedParts, Pick<Explanation, 'onStoreFailure' | 'counters'> {
  /** The request. */
  readonly asked: {
    readonly category: string;
    readonly account: string | undefined;
    readonly address: string | undefined;
    readonly subjects: Subjects | undefined;
    readonly plan: string | undefined;
    readonly region: string | undefined;
    readonly environment: string | undefined;
  };
  /** The version of the account's limits on Redis. */
  readonly held: number | null;
  /** By kind of subject: all of the policy, whether or not the request has such a subject. */
  readonly each: Readonly<Record<string, PlacedCounter>>;
  /** The limits of everybody together. */
  readonly service: PlacedCounter;
  readonly block: Placed<Omit<Block, 'from'>> | null;
  readonly localShare: number;
}

/** The explanation as text, one row for each part. */
export function explanationInWords(explanation: PlacedExplanation, file: string): string {
  const { asked, held: version, quotas, total, throttle, totalThrottle, mode, onStoreFailure } = explanation;
  const { each, service, block, localShare, counters } = explanation;
  const row = <T>(part: string, { value, from, position }: Placed<T>, inWords: (value: T) => string) => {
    const where = position === null ? onRedis(from, version) : `${file}:${position.line}:${position.column}`;
    return [part, inWords(value), from === null ? 'default' : shownText(from), shownText(where)];
  };
  const inWords = (list: readonly Quota[]) => quotasInWords(list);
  const asIs = (mode: string) => mode;
  const counterRows = (part: string, counter: PlacedCounter) => [
    row(part, counter.quotas, inWords),
    ...(counter.throttle.value === undefined ? [] : [row('its throttle', counter.throttle, throttleInWords)]),
    ...(counter.mode.value === mode.value ? [] : [row('its mode', counter.mode, asIs)]),
  ];
  const rows = [
    ['', 'what applies', 'set by', 'where'],
    ...(block === null ? [] : [row('blocked', block, blockInWords)]),
    row('quotas', quotas, inWords),
    row('throttle', throttle, throttleInWords),
    row('total', total, inWords),
    ...(total.value.length === 0 ? [] : [row('its throttle', totalThrottle, throttleInWords)]),
    row('mode', mode, asIs),
    ...Object.entries(each).flatMap(([kind, counter]) => counterRows(`each ${shownName(kind)}`, counter)),
    ...(service.quotas.value.length === 0 ? [] : counterRows('service', service)),
    [
      'store failure',
      localShare < 1 && onStoreFailure === 'local' ? `local, ${localShare} of each limit` : onStoreFailure,
    ],
    ['counters', counters.length === 0 ? 'none' : counters.map(shownCounter).join(', ')],
  ];
  return `${requestInWords(asked)}\n\n${alignedRows(rows)}`;
}

function requestInWords({ subjects, ...names }: PlacedExplanation['asked']): string {
  const words = Object.entries(names)
    .filter(([, name]) => name !== undefined)
    .map(([what, name]) => `${what} ${shownName(name!)}`);
  return [...words, ...(subjects === undefined ? [] : [shownSubjects(subjects)])].join(', ');
}

/** The name of a subject's counter ends in its id, of any length. */
function shownCounter(name: string): string {
  const cut = name.length <= LONGEST_COUNTER ? name : `${name.slice(0, LONGEST_COUNTER)}…`;
  return shownText(cut);
}

const LONGEST_COUNTER = 150;

function onRedis(from: string | null, version: number | null): string {
  return from?.startsWith('limits.') && version !== null ? `Redis, version ${version}` : '';
}
