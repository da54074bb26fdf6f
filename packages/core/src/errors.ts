/**
 * Every error that Tollgate throws has one of these codes. The codes are stable, the messages are for people; each code
 * has a heading in `docs/errors.md`.
 */
export type ErrorCode =
  | 'TOLLGATE_OPTION_TYPE'
  | 'TOLLGATE_OPTION_RANGE'
  | 'TOLLGATE_OPTION_UNKNOWN'
  | 'TOLLGATE_OPTION_CONFLICT'
  | 'TOLLGATE_CLOSED';

/** An `Error` with a stable `code`. */
export type TollgateError<E extends Error = Error> = E & {
  readonly code: ErrorCode;
};

/** The option is of the wrong kind: a string where a number belongs, say. */
export function optionTypeError(option: string, rule: string, received: unknown): TollgateError<TypeError> {
  return withCode(new TypeError(`Expected \`${option}\` to be ${rule}, got ${show(received)}`), 'TOLLGATE_OPTION_TYPE');
}

/** The option is of the right kind and has a value that is not allowed. */
export function optionRangeError(option: string, rule: string, received: unknown): TollgateError<RangeError> {
  return withCode(
    new RangeError(`Expected \`${option}\` to be ${rule}, got ${show(received)}`),
    'TOLLGATE_OPTION_RANGE',
  );
}

/** There is no such option. A misspelt option must not silently become the default. */
export function unknownOptionError(option: string, known: readonly string[]): TollgateError<TypeError> {
  return withCode(
    new TypeError(`Unknown option \`${option}\`: expected one of ${known.join(', ')}`),
    'TOLLGATE_OPTION_UNKNOWN',
  );
}

/** Two settings, each fine by itself, that cannot both hold. */
export function optionConflictError(message: string): TollgateError<TypeError> {
  return withCode(new TypeError(message), 'TOLLGATE_OPTION_CONFLICT');
}

/** Something was used after its `close()`. */
export function closedError(what: string): TollgateError {
  return withCode(new Error(`${what} was used after close()`), 'TOLLGATE_CLOSED');
}

/** A name in an option's path: as it is if it is an ordinary word, else quoted, and shortened. */
export function showName(name: string): string {
  return /^[\w.-]{1,64}$/.test(name) ? name : show(name);
}

/**
 * What a host is told when one of its functions threw: the error itself, or an error around whatever else it was. Hosts
 * take `undefined`, and some words, for a sign to go on.
 */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`A function among the options threw ${show(thrown)}, which is no error`, { cause: thrown });
}

function withCode<E extends Error>(error: E, code: ErrorCode): TollgateError<E> {
  return Object.assign(error, { code });
}

const SHOWN = 80;

/** A received value may come from a request, so what an error message repeats of it is bounded and runs none of its code. */
function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(abridge(value));
    case 'bigint':
      return `${abridge(String(value))}n`;
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
    default:
      return abridge(String(value));
  }
}

function abridge(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
}
