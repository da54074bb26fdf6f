import { pageOf } from '@tollgate/core/kit';

/** A position in a text. Lines and columns count from 1, columns in UTF-16 code units, as editors count them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One problem of a policy file. */
export interface PolicyProblem extends Position {
  readonly message: string;
  /** The option that is wrong, such as `policy.plans.gold.quotas[0].limit`. Absent when the syntax is wrong. */
  readonly option?: string;
}

export interface PolicyFileErrorOptions {
  readonly problems?: readonly PolicyProblem[];
  readonly mayBeQuoted?: boolean;
  readonly cause?: unknown;
}

/**
 * A policy file cannot be used: it cannot be read, is not JSON or YAML, or is not a valid policy. The message has a
 * line for each problem, `<file>:<line>:<column> <what is wrong>`.
 *
 * Recognise it by its `code`, not its class: a program may load two copies of this package.
 */
export class PolicyFileError extends Error {
  readonly code = 'TOLLGATE_POLICY_FILE';
  /** The address of the heading that explains the code. */
  readonly page: string = pageOf('TOLLGATE_POLICY_FILE');
  /** The name of the file as it was given; for a text without a name, `policy` or `layer`. */
  readonly file: string;
  /** At most 50, in the order of the text. Empty when the file could not be read. */
  readonly problems: readonly PolicyProblem[];
  /**
   * Whether the content of the file may be shown. False unless it looks like a policy: a wrong path may lead to a file
   * with secrets. The messages contain nothing of such a file.
   */
  readonly mayBeQuoted: boolean;

  constructor(file: string, message: string, options: PolicyFileErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'PolicyFileError';
    this.file = file;
    this.problems = options.problems ?? [];
    this.mayBeQuoted = options.mayBeQuoted ?? false;
  }

  static of(file: string, problems: readonly PolicyProblem[], mayBeQuoted = true): PolicyFileError {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS);
    const lines = sorted.map(({ message, line, column }) => `${file}:${line}:${column} ${message}`);
    return new PolicyFileError(file, lines.join('\n'), { problems: sorted, mayBeQuoted });
  }
}

/** Each problem costs another check, and more of them help little. */
export const MAX_PROBLEMS = 50;
