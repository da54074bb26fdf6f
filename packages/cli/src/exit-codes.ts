/** The exit codes of the command. */
export const DONE = 0;
/** The answer is no. */
export const NO = 1;
export const WRONG_USAGE = 2;
/** Redis cannot be reached, or failed. */
export const REDIS_FAILED = 3;

/** Something else went wrong, such as a full disk, or a bug of the command. */
export const UNEXPECTED = 70;

export type ExitCode = typeof DONE | typeof NO | typeof WRONG_USAGE | typeof REDIS_FAILED | typeof UNEXPECTED;

/** Ends the command with its message on stderr. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command line is not valid, or names a file that cannot be read or written. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(WRONG_USAGE, message);
  }
}

/** The command worked, and its answer is no. */
export class NegativeResult extends Failure {
  constructor(message: string) {
    super(NO, message);
  }
}

/** Data on Redis could not be read or written. */
export class RedisFailure extends Failure {
  constructor(message: string, cause?: unknown) {
    super(REDIS_FAILED, message, { cause });
  }
}

/** Converts anything thrown. An option error of the limiter is a wrong command line. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (!(thrown instanceof Error)) return new Failure(UNEXPECTED, String(thrown));
  if ('code' in thrown && String(thrown.code).startsWith('TOLLGATE_OPTION_')) return new UsageError(thrown.message);
  // Errors of the system need no stack.
  const message = 'syscall' in thrown ? thrown.message : (thrown.stack ?? thrown.message);
  return new Failure(UNEXPECTED, message, { cause: thrown });
}
