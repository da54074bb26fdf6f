import type { UsageCorrections, UsageMinute } from '@tollgate/core/usage';
import { decodeText } from './usage-keys.js';

/** Reads the minutes of a day from a reply. Fields and minutes of another format are skipped. */
export function* readDay(reply: unknown, dayAt: number): Generator<UsageMinute, void, undefined> {
  if (!Array.isArray(reply)) return;
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < reply.length; index += 2) fields.set(String(reply[index]), String(reply[index + 1]));
  for (const [field, minutes] of fields) {
    const [, hour, encoded] = FIELD.exec(field) ?? [];
    if (hour === undefined) continue;
    const corrections = readCorrections(fields.get(`c${field}`) ?? '');
    for (const minute of readHour(minutes, decodeText(encoded!), dayAt + Number(hour) * 3_600_000)) {
      yield { ...minute, corrections: corrections.get((minute.minuteAt / 60_000) % 60) };
    }
  }
}

/** The requests of an hour, without corrections: those have a field of their own. */
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

/** The corrections of an hour, by minute of the hour. */
function readCorrections(text: string): ReadonlyMap<number, UsageCorrections> {
  const found = new Map<number, UsageCorrections>();
  for (const match of text.matchAll(CORRECTED_MINUTE)) {
    const [minute, count, refundedUnits, debitedUnits] = match.slice(1).map(Number);
    found.set(minute!, { count: count!, refundedUnits: refundedUnits!, debitedUnits: debitedUnits! });
  }
  return found;
}

const FIELD = /^([01]?\d|2[0-3]):(.*)$/;
const MINUTE = / ([0-5]?\d),(\d{1,15}),(\d{1,15}),(\d{1,15}),(\d{1,15})(?= |$)/g;
const CORRECTED_MINUTE = / ([0-5]?\d),(\d{1,15}),(\d{1,16}),(\d{1,16})(?= |$)/g;
