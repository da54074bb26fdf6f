import { constants } from 'node:os';
import type { UsageTop } from '@tollgate/core/usage';
import type { RedisUsage } from '@tollgate/redis';
import {
  checkedUrl,
  failureOnRedis,
  type OpenLimits,
  openLimits,
  shownServer,
  suspensionInWords,
} from '../redis/index.js';
import { LiveScreen } from './live-screen.js';
import { FRAME_LINES, topFrame } from './top-frame.js';
import { MOST_ROWS, type TopOptions } from './top-options.js';

/**
 * Shows the top until it is ended. A Redis that fails meanwhile is told of and asked again, since that is when people look.
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
  #open: (OpenLimits & { readonly usage: RedisUsage }) | undefined;
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
    // An interrupt is how it is meant to be ended. To those who sent another signal, it ends by that.
    if (this.#endedBy !== undefined && this.#endedBy !== 'SIGINT') process.kill(process.pid, this.#endedBy);
  }

  async #look(): Promise<void> {
    const { prefix, timeout: timeoutMs } = this.#options;
    if (this.#open === undefined) {
      const { RedisUsage } = await import('@tollgate/redis');
      const held = await openLimits(this.#options);
      this.#open = { ...held, usage: new RedisUsage({ client: held.client, prefix, timeoutMs }) };
    }
    const { usage, limits, url } = this.#open;
    try {
      await limits.ready();
      this.#top = await usage.top({ limit: MOST_ROWS });
      this.#problem = undefined;
    } catch (error) {
      // A client that has lost its server does not look for it by itself.
      await this.#disconnect();
      throw failureOnRedis(url, error);
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
    const suspension = this.#open?.limits.suspension;
    const alarms = [this.#problem, suspension && suspensionInWords(suspension)].filter((alarm) => alarm !== undefined);
    const room = Math.max(1, Math.floor((height - FRAME_LINES - alarms.length) / 2));
    const rows = Math.min(this.#options.rows ?? MOST_ROWS, room);
    const isColored = process.stdout.hasColors();
    this.#screen.draw(topFrame(this.#top, { columns, rows, isColored, server: this.#server, alarms }));
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.every);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #end(): void {
    this.#isEnded = true;
    // The terminal first: Redis may keep the rest waiting.
    this.#screen.close();
    this.#wake();
  }

  /** The terminal makes no signals of keys while it gives them as they are. */
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
    const open = this.#open;
    this.#open = undefined;
    await open?.usage.close();
    await open?.close();
  }
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const CONTROL_C = '\u0003';
const CONTROL_Z = '\u001a';
