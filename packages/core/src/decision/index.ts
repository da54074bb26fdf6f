export {
  type Charge,
  type CounterTarget,
  checkCategory,
  FieldCheck,
  type Identity,
  ownerOf,
  prepareCharge,
  type Scope,
} from './charge.js';
export {
  blockedDecision,
  blockedOutcome,
  type ChargeState,
  chargesOf,
  type DecidedCharge,
  Decision,
  type DecisionSource,
  FREE,
  type Fullest,
  limitsOf,
  noteFullest,
  type QuotaState,
  type Reason,
  type Throttled,
} from './decision.js';
export { type CostChange, costChange, joinCharges, loweredTo } from './joined-charge.js';
export type { Observed, PreparedCharge } from './prepared-charge.js';
export { RateLimitError } from './rate-limit-error.js';
export { type Correction, Receipt } from './receipt.js';
export { textLifeMs } from './receipt-text.js';
export { checkSubjects, MAX_SUBJECTS, type Subjects, withSubjects } from './subjects.js';
