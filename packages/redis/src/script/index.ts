export { Call } from './call.js';
export { CHARGE_SCRIPT } from './charge.js';
export { CONSUME, isAlike, type OpenOutcome, type Operation, PEEK, RECORD, REFUND, VIOLATE } from './operation.js';
export { RESET_SCRIPT } from './reset.js';
