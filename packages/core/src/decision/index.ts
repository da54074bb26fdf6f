export {
  type Charge,
  type CounterTarget,
  checkCategory,
  FieldCheck,
  type Identity,
  ownerOf,
  type PreparedCharge,
  prepareCharge,
  type Scope,
} from './charge.js';
export {
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
export { RateLimitError } from './rate-limit-error.js';
export { type Correction, Receipt } from './receipt.js';
export { textLifeMs } from './receipt-text.js';
