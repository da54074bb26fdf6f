import { entryOf } from '../entry-of.js';
import {
  addCorrections,
  MAX_CATEGORIES,
  OTHER_CATEGORIES,
  type UsageCorrections,
  type UsageEntry,
} from '../store/index.js';

/** What one minute and category has of accounts that have no tally of their own. */
interface Sum {
  admitted: number;
  refused: number;
  wouldRefuse: number;
  /** By second of the minute. */
  readonly seconds: Uint32Array;
  corrections: UsageCorrections | undefined;
}

/** What is counted for all accounts together that have no tally of their own: a few entries, however many they are. */
export class OtherAccounts {
  readonly #account: string;
  /** By minute, then by category. */
  readonly #minutes = new Map<number, Map<string, Sum>>();

  /** Their name in a usage store. */
  constructor(account: string) {
    this.#account = account;
  }

  add({ minuteAt, category, admitted, refused, wouldRefuse, seconds, corrections }: UsageEntry): void {
    const minute = entryOf(this.#minutes, minuteAt, () => new Map<string, Sum>());
    const name = minute.has(category) || minute.size < MAX_CATEGORIES ? category : OTHER_CATEGORIES;
    const sum = entryOf(
      minute,
      name,
      (): Sum => ({
        admitted: 0,
        refused: 0,
        wouldRefuse: 0,
        seconds: new Uint32Array(60),
        corrections: undefined,
      }),
    );
    sum.admitted += admitted;
    sum.refused += refused;
    sum.wouldRefuse += wouldRefuse;
    sum.corrections = addCorrections(sum.corrections, corrections);
    for (let index = 0; index < seconds.length; index += 2) sum.seconds[seconds[index]!]! += seconds[index + 1]!;
  }

  /** Takes all of it. */
  take(): UsageEntry[] {
    const taken = [...this.#minutes].flatMap(([minuteAt, minute]) =>
      [...minute].map(([category, { seconds, ...counts }]) => {
        const used = [...seconds].flatMap((requests, second) => (requests > 0 ? [second, requests] : []));
        return { account: this.#account, category, minuteAt, ...counts, seconds: used };
      }),
    );
    this.#minutes.clear();
    return taken;
  }
}
