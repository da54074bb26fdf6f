export { type AccountLayer, type AccountSource, defineAccountLayer, type Suspension } from './account-layer.js';
export { AccountSources } from './account-sources.js';
export type { CategoryLayer, Layer, Layers, Mode, QuotaList } from './layer.js';
export { type LegsApiCategory, legsApiAccount, legsApiCategory, legsApiPlace, legsApiPolicy } from './legs-api.js';
export type { StoreFailureMode, StoreFailureModes } from './on-store-failure.js';
export { definePolicy, Policy, type PolicyOptions } from './policy.js';
export type { AppliedQuota, Explained, Explanation, Limits, Resolution } from './resolution.js';
