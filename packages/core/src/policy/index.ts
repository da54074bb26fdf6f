export {
  type AccountLayer,
  type AccountSource,
  AccountSources,
  defineAccountLayer,
  type Suspension,
} from './account-source.js';
export type { CategoryLayer, Layer, Layers, Mode, QuotaList } from './layer.js';
export {
  type LegsApiCategory,
  legsApiAccount,
  legsApiCategory,
  legsApiPlace,
  legsApiPolicy,
  legsApiRoute,
} from './legs-api.js';
export type { StoreFailureMode, StoreFailureModes } from './on-store-failure.js';
export { definePolicy, Policy, type PolicyOptions, type PolicyQuery } from './policy.js';
export {
  type AppliedQuota,
  type Explained,
  type Explanation,
  type Limits,
  NO_LIMITS,
  type Resolution,
} from './resolution.js';
