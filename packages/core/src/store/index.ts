export {
  counterPrefix,
  counterPrefixOf,
  DEFAULT_LIMITER,
  LIMITER_NAME,
  limiterNameOf,
  ownersOf,
  partsOfSubjectCounter,
  SERVICE_OWNER,
  SUBJECT_MARK,
  subjectCounterName,
} from './counter-name.js';
export { isOutcome } from './outcome-check.js';
export {
  longestMsOf,
  longestMsOfAll,
  MAX_UNITS,
  MAX_WINDOW_MS,
  type PerOptions,
  perDay,
  perHour,
  perMinute,
  perSecond,
  Quota,
  type QuotaOptions,
  windowInWords,
} from './quota.js';
export type { CounterSpec, Outcome, ReceiptClaims, Store } from './store.js';
export { type EscalateOptions, Throttle, type ThrottleOptions, wholePart } from './throttle.js';
export {
  addCorrections,
  MAX_CATEGORIES,
  OTHER_ACCOUNTS,
  OTHER_CATEGORIES,
  requestsOf,
  type UsageCorrections,
  type UsageEntry,
  type UsageFailure,
  type UsageFullest,
  type UsageMinute,
  type UsageNearest,
  type UsageRefused,
  type UsageStore,
  type UsageTop,
} from './usage-store.js';
