/**
 * The parts of an HTTP adapter that no framework changes: how requests are read and answered.
 *
 * @module
 */
export { checkOneOf, checkOptions } from '../check.js';
export { asError } from '../errors.js';
export { clientAddress } from './address.js';
export type { AddressFacts, ProxyTrust } from './address-reader.js';
export { Answers, BAD_REQUEST_STATUS, LIMITED_STATUS, type Replacement, UNAVAILABLE_STATUS } from './answers.js';
export { Corrections } from './corrections.js';
export { ENVELOPE_TYPE, type Envelope, envelopeWriter, requestId } from './envelope.js';
export {
  type HeaderChoice,
  type HeaderFormat,
  type HeaderSpelling,
  type HeadersWriter,
  headersWriter,
  type SetHeader,
  writeRetryAfter,
} from './headers.js';
export { legsApiOptions } from './legs-api-options.js';
export { type AnsweredRequest, MountWatch, type Serves } from './mount-watch.js';
export { MountedLimiter } from './mounted-limiter.js';
export { type RefusalHook, refusalLine, reportRefusal } from './refusal-hook.js';
export {
  type AccountOption,
  CHARGE_OPTIONS,
  type ChargeEntry,
  type ChargeOptions,
  type ChargesOption,
  type ClientFacts,
  checkChargeOptions,
  checkCharges,
  checkHttpOptions,
  checkIpv6Prefix,
  checkNames,
  checkRefundAtMost,
  type HttpOptions,
  limiterOf,
  type NamedSubjects,
  type Optional,
  type Paths,
  type SubjectsOption,
} from './request-options.js';
export { BadCost, type RequestFacts, RequestReader, type RouteFacts } from './request-reader.js';
export type { EndingResponse } from './response-end.js';
