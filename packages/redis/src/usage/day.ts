import type { UsageMinute } from '@tollgate/core/usage';
import { decodeText } from './usage-keys.js';

/** Reads the minutes of a day from a reply. Fields and minutes of another format are skipped. */
export function* readDay(reply: unknown, dayAt: number): Generator<UsageMinute, void, undefined> {
  if (!Array.isArray(reply)) return;
  for (let index = 0; index + 1 < reply.length; index += 2) {
    const [, hour, encoded] = FIELD.exec(String(reply[index])) ?? [];
    if (hour === undefined) continue;
    yield* readHour(String(reply[index + 1]), decodeText(encoded!), dayAt + Number(hour) * 3_600_000);
  }
}

export function* readHour(text: string, category: string, hourAt: number): Generator<UsageMinute, void, undefined> {
  for (const match of text.matchAll(MINUTE)) {
    const [minute, admitted, refused, wouldRefuse, peakPerSecond] = match.slice(1).map(Number);
    yield {
      category,
      minuteAt: hourAt + minute! * 60_000,
      admitted: admitted!,
      refused: refused!,
      wouldRefuse: wouldRefuse!,
      peakPerSecond: peakPerSecond!,
    };
  }
}

const FIELD = /^([01]?\d|2[0-3]):(.*)$/;
const MINUTE = / ([0-5]?\d),(\d{1,15}),(\d{1,15}),(\d{1,15}),(\d{1,15})(?= |$)/g;
