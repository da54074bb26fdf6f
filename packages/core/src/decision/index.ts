export {
  type Charge,
  type CounterTarget,
  checkCategory,
  checkCharge,
  type Identity,
  type Scope,
  storedAccount,
} from './charge.js';
export {
  Decision,
  type DecisionSource,
  type Fullest,
  noteFullest,
  type QuotaState,
  type Reason,
  type Throttled,
} from './decision.js';
export { FREE, NO_LIMITS } from './no-limits.js';
export { Receipt, type Undo } from './receipt.js';
