export { Call } from './call.js';
export { CHARGE_SCRIPT } from './charge.js';
export {
  type Answer,
  type ChargeFollower,
  CONSUME,
  type OpenOutcome,
  Operation,
  PEEK,
  RECORD,
  REFUND,
  type Refusal,
  type Request,
  VIOLATE,
} from './operation.js';
export { RESET_SCRIPT } from './reset.js';
