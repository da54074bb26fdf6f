import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/**
 * A clock for the store's scripts, in place of the server's. The client rewrites two places of a script on its way to a
 * real server. Everything else is as in production.
 */
export class ScriptClock {
  nowMs = Date.now();
  readonly #rewritten = new Map<string, string>();

  /** Makes the scripts that go through the client read this clock. */
  drive<C extends Redis | Cluster>(client: C): C {
    const send = client.sendCommand.bind(client) as (command: never, stream?: never) => unknown;
    client.sendCommand = (command: never, stream?: never) => {
      const { args, ...rest } = command as { name: string; args: (string | number)[] };
      const name = rest.name.toLowerCase();
      if (name === 'evalsha' || name === 'eval') {
        if (name === 'eval') args[0] = this.#rewrite(String(args[0]));
        else args[0] = this.#rewritten.get(String(args[0])) ?? UNKNOWN;
        args.push(String(Math.floor(this.nowMs)));
      }
      return send(command, stream);
    };
    return client;
  }

  #rewrite(text: string): string {
    if (!text.includes(TIME)) return text;
    const sha = (script: string) => createHash('sha1').update(script).digest('hex');
    const timed = replaceOnce(
      replaceOnce(text, TIME, '{ math.floor(ARGV[2] / 1000), ARGV[2] % 1000 * 1000 }'),
      LIFE,
      // The server's clock runs on while this one stands still.
      `${LIFE} + 3600000`,
    );
    this.#rewritten.set(sha(text), sha(timed));
    return timed;
  }
}

// No script has this hash. The client then sends the text, which is rewritten.
const UNKNOWN = 'f'.repeat(40);
const TIME = "call('TIME')";
const LIFE = "'PX', life";

function replaceOnce(text: string, part: string, replacement: string): string {
  if (text.split(part).length !== 2) throw new Error(`Expected \`${part}\` once in the script`);
  return text.replace(part, () => replacement);
}
