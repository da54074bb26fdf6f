export { Call } from './call.js';
export { CHARGE_SCRIPT } from './charge.js';
export { areSame, joinsAccounts, onlyOf, ownerOf, ownersOf } from './counters.js';
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
export { FIND_SCRIPT, RESET_SCRIPT } from './reset.js';
export { SpoiltCounters } from './spoilt.js';
