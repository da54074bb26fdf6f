/**
 * Every error that Tollgate throws has one of these codes. The codes are stable, the messages are for people; each code
 * has a heading in `docs/errors.md`.
 */
export type ErrorCode =
  | 'TOLLGATE_OPTION_TYPE'
  | 'TOLLGATE_OPTION_RANGE'
  | 'TOLLGATE_OPTION_UNKNOWN'
  | 'TOLLGATE_OPTION_CONFLICT'
  | 'TOLLGATE_NO_ACCOUNT'
  | 'TOLLGATE_NO_ADDRESS'
  | 'TOLLGATE_CLOSED'
  | 'TOLLGATE_LIMITED'
  | 'TOLLGATE_STORE_FAILED'
  | 'TOLLGATE_LIMITS_CONFLICT'
  | 'TOLLGATE_POLICY_FILE';

/** An `Error` with a stable `code`. */
export type TollgateError<E extends Error = Error> = E & {
  readonly code: ErrorCode;
  /** The address of the heading that explains the code, such as `docs/errors.md#tollgate_option_type`. */
  readonly page: string;
  /** The wrong option, as the message names it. */
  readonly option?: string;
  /** With `TOLLGATE_LIMITS_CONFLICT`: the version of the account's limits now; 0 if it has none. */
  readonly version?: number;
};

/** The option is of the wrong kind: a string where a number belongs, say. */
export function optionTypeError(option: string, rule: string, received: unknown): TollgateError<TypeError> {
  return withCode(
    new TypeError(`Expected \`${option}\` to be ${rule}, got ${show(received)}`),
    'TOLLGATE_OPTION_TYPE',
    option,
  );
}

/** The option is of the right kind and has a value that is not allowed. `hint` says what may have been meant. */
export function optionRangeError(
  option: string,
  rule: string,
  received: unknown,
  hint?: string,
): TollgateError<RangeError> {
  const message = `Expected \`${option}\` to be ${rule}, got ${show(received)}`;
  return withCode(
    new RangeError(hint === undefined ? message : `${message}: ${hint}`),
    'TOLLGATE_OPTION_RANGE',
    option,
  );
}

/** There is no such option. A misspelt option must not silently become the default. */
export function unknownOptionError(option: string, known: readonly string[]): TollgateError<TypeError> {
  return withCode(
    new TypeError(`Unknown option \`${option}\`: expected one of ${known.join(', ')}`),
    'TOLLGATE_OPTION_UNKNOWN',
    option,
  );
}

/** Two settings that are valid alone and contradict each other. */
export function optionConflictError(message: string): TollgateError<TypeError> {
  return withCode(new TypeError(message), 'TOLLGATE_OPTION_CONFLICT');
}

/** An adapter was given nothing that shows the account of a request. */
export function noAccountError(option: string): TollgateError<TypeError> {
  const choices = "a function, the name of a route parameter such as 'account_sid', or 'address'";
  const preset = 'for the paths of the Legs API, pass legsApi({ … }) in place of the options';
  return withCode(
    new TypeError(`Expected \`${option}\` to be ${choices}, got undefined: ${preset}`),
    'TOLLGATE_NO_ACCOUNT',
    option,
  );
}

/** A request is counted by its address, and has none. */
export function noAddressError(): TollgateError {
  return withCode(
    new Error('Expected the address of the client, got none: behind a Unix socket, trust the proxy or set `account`'),
    'TOLLGATE_NO_ADDRESS',
  );
}

/** A change expected other limits of an account: those stored are at `version`; 0 means that none are. */
export function limitsConflictError(account: string, expected: number, version: number): TollgateError {
  const is = version === 0 ? 'are not stored' : `are at version ${version}`;
  const error = new Error(`Limits of ${showName(account)} ${is}, and the change was for version ${expected}`);
  return Object.assign(withCode(error, 'TOLLGATE_LIMITS_CONFLICT'), { version });
}

/** Something was used after its `close()`. */
export function closedError(what: string): TollgateError {
  return withCode(new Error(`${what} was used after close()`), 'TOLLGATE_CLOSED');
}

/**
 * A store could not do what it was asked. `charged` is `'no'` only if the store did not record the charge and never
 * will; it is `'unknown'` if the store may have. `concerns` is `'account'` if only this account's data is broken, and
 * `'charge'` if only this charge could not be taken, as one too many of a burst. The store then counts as available for
 * all others.
 *
 * Stores throw it, and `refund` and `reset` of a limiter pass it on; `consume` and `peek` decide without the store
 * instead. Recognise it by its `code`, not its class: a program may have two copies of this package.
 */
export class StoreError extends Error {
  readonly code = 'TOLLGATE_STORE_FAILED';
  /** The address of the heading that explains the code. */
  readonly page: string = pageOf('TOLLGATE_STORE_FAILED');
  readonly charged: 'no' | 'unknown';
  readonly concerns: 'store' | 'account' | 'charge';

  constructor(message: string, options: StoreErrorOptions) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'StoreError';
    this.charged = options.charged;
    this.concerns = options.concerns ?? 'store';
  }
}

export interface StoreErrorOptions {
  readonly charged: 'no' | 'unknown';
  /** Default: `'store'`. */
  readonly concerns?: 'store' | 'account' | 'charge';
  readonly cause?: unknown;
}

/**
 * The error that a store threw, as a `StoreError`. After an error of another kind, the charge may have been recorded.
 */
export function asStoreError(thrown: unknown): StoreError {
  if (isStoreError(thrown)) return thrown;
  const reason = thrown instanceof Error ? thrown.message : show(thrown);
  return new StoreError(`The store failed: ${reason}`, { charged: 'unknown', cause: thrown });
}

function isStoreError(thrown: unknown): thrown is StoreError {
  if (typeof thrown !== 'object' || thrown === null) return false;
  const { code, charged } = thrown as Partial<StoreError>;
  return code === 'TOLLGATE_STORE_FAILED' && (charged === 'no' || charged === 'unknown');
}

/** Whether the store threw because the program uses it wrongly. Neither waiting nor another store would help. */
export function isProgramsMistake(thrown: unknown): boolean {
  const code: unknown = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return code === 'TOLLGATE_CLOSED' || (typeof code === 'string' && code.startsWith('TOLLGATE_OPTION_'));
}

/** A name in an option's path: an ordinary word as it is, any other name quoted and shortened. */
export function showName(name: string): string {
  return /^[\w.-]{1,64}$/.test(name) ? name : show(name);
}

/**
 * The error to pass to a host after one of its functions threw: the error itself, or an error around any other value.
 * Hosts take `undefined`, and some words, as a sign to continue.
 */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`A function among the options threw ${show(thrown)}, which is no error`, { cause: thrown });
}

function withCode<E extends Error>(error: E, code: ErrorCode, option?: string): TollgateError<E> {
  return Object.assign(error, { code, page: pageOf(code) }, option !== undefined && { option });
}

/** The address of the heading that explains the code. */
export function pageOf(code: ErrorCode): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}

const SHOWN = 80;

/** The value for a message. It may come from a request, so its length is bounded and none of its code runs. */
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
      return Array.isArray(value) ? `an array of ${value.length}` : instanceInWords(value);
    default:
      return abridge(String(value));
  }
}

/**
 * The class of an object helps to find the mistake. Reading it may run code of the object, such as a trap of a proxy.
 */
function instanceInWords(value: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    const isNamed = typeof name === 'string' && name !== 'Object' && /^\w{1,64}$/.test(name);
    return isNamed ? `an instance of ${name}` : 'an object';
  } catch {
    return 'an object';
  }
}

function abridge(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
}
