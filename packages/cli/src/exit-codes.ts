/** How a command ends, for the shell. */
export const DONE = 0;
/** The answer is no. */
export const NO = 1;
export const WRONG_USAGE = 2;
/** Redis cannot be reached, or failed. */
export const REDIS_FAILED = 3;

/** Something else went wrong, such as a full disk, or a mistake of the command itself. */
export const UNEXPECTED = 70;

export type ExitCode = typeof DONE | typeof NO | typeof WRONG_USAGE | typeof REDIS_FAILED | typeof UNEXPECTED;

/** An end that is told in a sentence on stderr. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** What was typed makes no sense. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(WRONG_USAGE, message);
  }
}

/** The question was understood, and the answer is no. */
export class Refusal extends Failure {
  constructor(message: string) {
    super(NO, message);
  }
}

/** What Redis holds could not be read or written. */
export class RedisFailure extends Failure {
  constructor(message: string, cause?: unknown) {
    super(REDIS_FAILED, message, { cause });
  }
}

/** What was thrown as an end of the command: what the limiter refuses to take was typed. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (!(thrown instanceof Error)) return new Failure(UNEXPECTED, String(thrown));
  if ('code' in thrown && String(thrown.code).startsWith('TOLLGATE_OPTION_')) return new UsageError(thrown.message);
  // What the system says needs no stack.
  const message = 'syscall' in thrown ? thrown.message : (thrown.stack ?? thrown.message);
  return new Failure(UNEXPECTED, message, { cause: thrown });
}
