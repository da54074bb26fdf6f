import { constants } from 'node:os';
import { within } from '@tollgate/core/kit';
import type { UsageTop } from '@tollgate/core/usage';
import type { OutputOptions } from '../output.js';
import {
  asRedisFailure,
  checkedUrl,
  openRedis,
  type RedisOptions,
  type RedisSession,
  shownServer,
  suspensionInWords,
} from '../redis/index.js';
import { LiveScreen } from './live-screen.js';
import { FRAME_LINES, MAX_ROWS, topFrame } from './top-frame.js';

export interface TopOptions extends RedisOptions, OutputOptions {
  readonly once?: boolean;
  readonly every: number;
  readonly rows?: number;
}

/**
 * Shows the top until it is ended. It shows later failures of Redis, and tries again.
 *
 * @throws RedisFailure when Redis cannot be reached at the start.
 */
export async function liveTop(options: TopOptions): Promise<void> {
  const live = new LiveTop(options);
  await live.run();
}

class LiveTop {
  readonly #options: TopOptions;
  readonly #server: string;
  readonly #screen: LiveScreen;
  #session: RedisSession | undefined;
  #top: UsageTop | undefined;
  #problem: string | undefined;
  #isEnded = false;
  #endedBy: NodeJS.Signals | undefined;
  #wake = () => {};

  constructor(options: TopOptions) {
    this.#options = options;
    this.#server = shownServer(checkedUrl(options.redis));
    const keys = process.stdin.isTTY ? process.stdin : undefined;
    this.#screen = new LiveScreen(process.stdout, keys, (key) => this.#onKey(key));
  }

  async run(): Promise<void> {
    await this.#look();
    const redraw = () => this.#draw();
    const end = (signal: NodeJS.Signals) => {
      this.#endedBy = signal;
      this.#end();
    };
    const goOn = () => {
      this.#screen.open();
      this.#draw();
    };
    process.stdout.on('resize', redraw);
    process.on('SIGCONT', goOn);
    for (const signal of ENDING) process.on(signal, end);
    this.#screen.open();
    try {
      while (!this.#isEnded) {
        this.#draw();
        await this.#pause();
        if (!this.#isEnded) await this.#lookAgain();
      }
    } finally {
      this.#screen.close();
      process.stdout.off('resize', redraw);
      process.off('SIGCONT', goOn);
      for (const signal of ENDING) process.off(signal, end);
      await this.#disconnect();
    }
    // An interrupt is the normal end. After another signal, the process ends by that signal.
    if (this.#endedBy !== undefined && this.#endedBy !== 'SIGINT') process.kill(process.pid, this.#endedBy);
  }

  async #look(): Promise<void> {
    this.#session ??= await openRedis(this.#options);
    const { usage, limits, url } = this.#session;
    try {
      await limits.ready();
      this.#top = await usage.top({ limit: MAX_ROWS });
      this.#problem = undefined;
    } catch (error) {
      // The client does not reconnect.
      await this.#disconnect();
      throw asRedisFailure(url, error);
    }
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      this.#problem = `${error instanceof Error ? error.message : String(error)}; trying again`;
    }
  }

  #draw(): void {
    const { columns, rows: height } = process.stdout;
    const suspension = this.#session?.limits.suspension;
    const alarms = [this.#problem, suspension && suspensionInWords(suspension)].filter((alarm) => alarm !== undefined);
    const room = Math.max(1, Math.floor((height - FRAME_LINES - alarms.length) / 2));
    const rows = Math.min(this.#options.rows ?? MAX_ROWS, room);
    const isColored = process.stdout.hasColors();
    this.#screen.draw(topFrame(this.#top, { columns, rows, isColored, server: this.#server, alarms }));
  }

  async #pause(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await within(woken, this.#options.every, () => {});
  }

  #end(): void {
    this.#isEnded = true;
    // The terminal first: closing the connection may take a while.
    this.#screen.close();
    this.#wake();
  }

  /** In raw mode the terminal sends no signals for keys. */
  #onKey(keys: Buffer): void {
    for (const key of keys.toString()) {
      if (key === 'q' || key === 'Q' || key === CONTROL_C) this.#end();
      if (key === CONTROL_Z) {
        this.#screen.close();
        process.kill(process.pid, constants.signals.SIGTSTP);
      }
    }
  }

  async #disconnect(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const CONTROL_C = '\u0003';
const CONTROL_Z = '\u001a';
