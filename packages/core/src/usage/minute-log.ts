import { addCorrections, type UsageCorrections, type UsageEntry, type UsageMinute } from '../store/index.js';
import { MINUTE_MS } from './usage-period.js';

/** The minutes of one account and category in one hour: five numbers for each, in one array. */
export class MinuteLog {
  readonly account: string;
  readonly category: string;
  /** The next category of the account. */
  next: MinuteLog | undefined = undefined;
  /** The place in the hour's list. */
  index = -1;
  requests = 0;
  readonly #numbers: number[] = [];
  /** By minute. Most logs have none. */
  #corrections: Map<number, UsageCorrections> | undefined = undefined;

  constructor(account: string, category: string) {
    this.account = account;
    this.category = category;
  }

  /** `minute` is a minute of the hour, from 0 to 59. */
  has(minute: number): boolean {
    return this.#placeOf(minute) >= 0;
  }

  /** The number of minutes. */
  get size(): number {
    return this.#numbers.length / FIELDS;
  }

  /** Adds all minutes of another log. The peaks of two logs may be of different seconds, so they do not add up. */
  join(other: MinuteLog): void {
    const numbers = other.#numbers;
    for (let place = 0; place < numbers.length; place += FIELDS) {
      const [minute, admitted, refused, wouldRefuse, peakPerSecond] = numbers.slice(place, place + FIELDS);
      const corrections = other.#corrections?.get(minute!);
      const counts = { admitted: admitted!, refused: refused!, wouldRefuse: wouldRefuse!, corrections };
      this.add(minute!, counts, peakPerSecond!);
    }
  }

  add(minute: number, { admitted, refused, wouldRefuse, corrections }: MinuteCounts, peakPerSecond: number): void {
    this.requests += admitted + refused;
    if (corrections !== undefined) this.#addCorrections(minute, corrections);
    const numbers = this.#numbers;
    const place = this.#placeOf(minute);
    if (place < 0) {
      numbers.push(minute, admitted, refused, wouldRefuse, peakPerSecond);
      return;
    }
    numbers[place + 1]! += admitted;
    numbers[place + 2]! += refused;
    numbers[place + 3]! += wouldRefuse;
    numbers[place + 4] = Math.max(numbers[place + 4]!, peakPerSecond);
  }

  /** Appends the minutes that begin in `[from, to)` to `found`. */
  read(hourAt: number, from: number, to: number, found: UsageMinute[]): void {
    const { category } = this;
    for (let place = 0; place < this.#numbers.length; place += FIELDS) {
      const [minute, admitted, refused, wouldRefuse, peakPerSecond] = this.#numbers.slice(place, place + FIELDS);
      const minuteAt = hourAt + minute! * MINUTE_MS;
      if (minuteAt < from || minuteAt >= to) continue;
      found.push({
        category,
        minuteAt,
        admitted: admitted!,
        refused: refused!,
        wouldRefuse: wouldRefuse!,
        peakPerSecond: peakPerSecond!,
        corrections: this.#corrections?.get(minute!),
      });
    }
  }

  #addCorrections(minute: number, corrections: UsageCorrections): void {
    this.#corrections ??= new Map();
    this.#corrections.set(minute, addCorrections(this.#corrections.get(minute), corrections)!);
  }

  /** The search starts at the latest minute, which is nearly always the right one. */
  #placeOf(minute: number): number {
    let place = this.#numbers.length - FIELDS;
    while (place >= 0 && this.#numbers[place] !== minute) place -= FIELDS;
    return Math.max(place, -1);
  }
}

type MinuteCounts = Pick<UsageEntry, 'admitted' | 'refused' | 'wouldRefuse' | 'corrections'>;

const FIELDS = 5;
