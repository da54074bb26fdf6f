export type {
  CandidateMessage,
  ChannelMessages,
  CircuitMessage,
  CorrectionMessage,
  DecisionMessage,
  HealthMessage,
  LimiterMessage,
  ObservedLimiter,
  PolicyMessage,
  StoreCallMessage,
  StoreStateMessage,
  SuspensionMessage,
  ThrottlingBegunMessage,
  ThrottlingEndedMessage,
} from './channels.js';
export type { Comparison, LimiterEvents, LimiterStats } from './limiter-events.js';
export { Publisher } from './publisher.js';
