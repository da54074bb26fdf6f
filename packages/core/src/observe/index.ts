export {
  type ChannelMessages,
  type CircuitMessage,
  DECISION,
  type DecisionMessage,
  type LimiterMessage,
  type ObservedLimiter,
  type PolicyMessage,
  STORE_CALL,
  type StoreCallMessage,
  type StoreStateMessage,
  type SuspensionMessage,
  type ThrottlingBegunMessage,
  type ThrottlingEndedMessage,
} from './channels.js';
export { type Comparison, LIMITER_EVENTS, type LimiterEvents, type LimiterStats } from './limiter-events.js';
export { LimiterChannels } from './publisher.js';
