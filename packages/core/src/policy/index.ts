export {
  type AccountLayer,
  type AccountSource,
  AccountSources,
  defineAccountLayer,
  type Suspension,
} from './account-source.js';
export type { AddressLayers } from './address-ranges.js';
export type { Block, BlockedIds, Until } from './blocked.js';
export type {
  CategoryLayer,
  Layer,
  Layers,
  Mode,
  PartyLayer,
  PartyLayers,
  QuotaList,
  SubjectLayer,
} from './layer.js';
export { prefixedName } from './layer.js';
export {
  type LegsApiCategory,
  type LegsApiNames,
  type LegsApiPolicyOptions,
  legsApiAccount,
  legsApiCategory,
  legsApiPlace,
  legsApiPolicy,
  legsApiRoute,
} from './legs-api.js';
export { KINDS_OF_NAMES, type KnownNames, type NameKind, type PolicyNames } from './names.js';
export { nearestName } from './nearest-name.js';
export type { StoreFailureMode, StoreFailureModes } from './on-store-failure.js';
export { definePolicy, type NameLists, Policy, type PolicyOptions, type PolicyQuery } from './policy.js';
export {
  type AllLimits,
  type AppliedQuota,
  type Explained,
  type ExplainedCounter,
  type Explanation,
  type Limits,
  NO_LIMITS,
  type Resolution,
} from './resolution.js';
export { Resolutions } from './resolution-cache.js';
