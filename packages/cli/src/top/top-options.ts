import type { AnswerOptions } from '../answer.js';
import type { RedisOptions } from '../redis/index.js';

export interface TopOptions extends RedisOptions, AnswerOptions {
  readonly once?: boolean;
  readonly every: number;
  readonly rows?: number;
}

/** As many as Redis is asked for at once. */
export const MOST_ROWS = 100;
