/**
 * The parts of an HTTP adapter that no framework changes: how requests are read and answered.
 *
 * @module
 */
export { checkOneOf, checkOptions } from '../check.js';
export { asError } from '../errors.js';
export { clientAddress } from './address.js';
export { Answers, LIMITED_STATUS, type Replacement, tighter, UNAVAILABLE_STATUS } from './answers.js';
export { ENVELOPE_TYPE, type Envelope, envelopeWriter, requestId } from './envelope.js';
export {
  type HeaderFormat,
  type HeaderSpelling,
  type HeadersWriter,
  headersWriter,
  type SetHeader,
  writeRetryAfter,
} from './headers.js';
export { type EndingResponse, refundOnFinish } from './refund.js';
export { type RefusalHook, refusalLine, reportRefusal } from './refusal-hook.js';
export {
  CHARGE_OPTIONS,
  type ChargeOptions,
  checkChargeOptions,
  checkHttpOptions,
  type HttpOptions,
  limiterOf,
  type Optional,
} from './request-options.js';
export { type RequestFacts, RequestReader } from './request-reader.js';
