import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';

/**
 * A client of a real server that has the store's scripts read the time from this object, and not from the server. Everything
 * else is as it is in production: the scripts are rewritten in two places on their way out, and must be found there.
 */
export class TimedRedis extends Redis {
  nowMs = Date.now();
  readonly #rewritten = new Map<string, string>();

  constructor(url: string) {
    super(url);
  }

  override sendCommand(command: never, stream?: never): unknown {
    const { args, ...rest } = command as { name: string; args: (string | number)[] };
    const name = rest.name.toLowerCase();
    if (name === 'evalsha' || name === 'eval') {
      if (name === 'eval') args[0] = this.#rewrite(String(args[0]));
      else args[0] = this.#rewritten.get(String(args[0])) ?? UNKNOWN;
      args.push(String(Math.floor(this.nowMs)));
    }
    return super.sendCommand(command, stream);
  }

  #rewrite(text: string): string {
    if (!text.includes(TIME)) return text;
    const sha = (script: string) => createHash('sha1').update(script).digest('hex');
    const timed = replaceOnce(
      replaceOnce(text, TIME, '{ math.floor(ARGV[2] / 1000), ARGV[2] % 1000 * 1000 }'),
      LIFE,
      // The server's clock goes on while this one stands.
      `${LIFE} + 3600000`,
    );
    this.#rewritten.set(sha(text), sha(timed));
    return timed;
  }
}

// No script has this hash: its text is then asked for, and rewritten.
const UNKNOWN = 'f'.repeat(40);
const TIME = "call('TIME')";
const LIFE = "'PX', life";

function replaceOnce(text: string, part: string, replacement: string): string {
  if (text.split(part).length !== 2) throw new Error(`Expected \`${part}\` once in the script`);
  return text.replace(part, () => replacement);
}
