/**
 * The messages that limiters publish on `node:diagnostics_channel`, by the name of the channel. `docs/observability.md`
 * describes each of them.
 *
 * @module
 */
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
} from './observe/index.js';
