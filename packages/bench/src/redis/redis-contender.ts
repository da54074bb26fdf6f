import { FLOORS, ON_REDIS, type OnRedisSettings, OURS } from '../contenders/on-redis.js';
import { OwnProcess } from '../own-process.js';
import type { RedisAnswer, RedisTask } from './redis-process.js';

type Work = Omit<Extract<RedisTask, { kind: 'decide' }>, 'kind'>;

/** A limiter or a floor in a process of its own, with a client of its own. */
export class RedisContender {
  readonly limiter: string;
  readonly pipelines: boolean;
  readonly #process: OwnProcess<RedisTask, RedisAnswer>;

  constructor(limiter: string, url: string, pipelines: boolean) {
    this.limiter = limiter;
    this.pipelines = pipelines;
    const args = [limiter, url, pipelines ? 'auto' : 'plain'];
    this.#process = new OwnProcess(new URL('./redis-process.js', import.meta.url), args);
  }

  get name(): string {
    return this.pipelines ? `${this.limiter}, auto-pipelined` : this.limiter;
  }

  get isFloor(): boolean {
    return this.limiter in FLOORS;
  }

  get isNeighbour(): boolean {
    return !this.isFloor && this.limiter !== OURS;
  }

  async open(settings: OnRedisSettings): Promise<void> {
    const prefix = `${settings.prefix}:${this.pipelines ? 'auto' : 'plain'}:${this.limiter}`;
    await this.#process.ask({ kind: 'open', settings: { ...settings, prefix } });
  }

  /** Throws if a decision was wrong. `right` returns the number to admit; a floor admits all. */
  async decide(work: Work, right: (decisions: number) => number = (decisions) => decisions): Promise<RedisAnswer> {
    const answer = await this.#process.ask({ kind: 'decide', ...work });
    const expected = this.isFloor ? answer.decisions : right(answer.decisions);
    if (answer.admitted !== expected) {
      throw new Error(`${this.name} admitted ${answer.admitted} of ${answer.decisions} requests, expected ${expected}`);
    }
    return answer;
  }

  async end(): Promise<void> {
    await this.#process.end();
  }
}

/** Floors and neighbours, each with a plain and with an auto-pipelining client; Tollgate with a plain one. */
export function redisContenders(url: string): RedisContender[] {
  return [...Object.keys(FLOORS), ...Object.keys(ON_REDIS)].flatMap((limiter) =>
    (limiter === OURS ? [false] : [false, true]).map((pipelines) => new RedisContender(limiter, url, pipelines)),
  );
}
