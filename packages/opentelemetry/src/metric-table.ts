/**
 * Every metric, with its unit and what it counts. Names and units follow the semantic conventions of OpenTelemetry.
 * `docs/observability.md` has the same table with attributes and advice, and a test compares the two.
 */
export const METRICS = {
  decisions: { name: 'tollgate.decisions', unit: '{decision}', description: 'Charges that were decided.' },
  nearLimit: {
    name: 'tollgate.near_limit_decisions',
    unit: '{decision}',
    description: 'Admitted charges that left a quota nearly full.',
  },
  throttled: {
    name: 'tollgate.throttled_decisions',
    unit: '{decision}',
    description: 'Charges decided while their limits were throttled.',
  },
  corrections: {
    name: 'tollgate.corrections',
    unit: '{correction}',
    description: 'Charges that were refunded or settled, and debits.',
  },
  correctedUnits: {
    name: 'tollgate.corrected_units',
    unit: '{unit}',
    description: 'Units that corrections took back or added.',
  },
  throttlings: { name: 'tollgate.throttlings', unit: '{throttling}', description: 'Throttlings that began.' },
  activeThrottlings: {
    name: 'tollgate.active_throttlings',
    unit: '{throttling}',
    description: 'Throttlings that began in this process and have not ended.',
  },
  storeCallDuration: {
    name: 'tollgate.store.call.duration',
    unit: 's',
    description: 'How long decisions waited for calls of the store.',
  },
  storeState: {
    name: 'tollgate.store.state',
    unit: '{limiter}',
    description: 'Limiters whose store is in this state.',
  },
  openCircuits: {
    name: 'tollgate.store.open_circuits',
    unit: '{circuit}',
    description: 'Shards of the store whose circuit is open.',
  },
  circuitChanges: {
    name: 'tollgate.store.circuit.changes',
    unit: '{change}',
    description: 'Circuits that opened or closed.',
  },
  storeFailures: {
    name: 'tollgate.store.failures',
    unit: '{call}',
    description: 'Calls of the store that failed or timed out.',
  },
  owedCharges: {
    name: 'tollgate.write_back.pending',
    unit: '{charge}',
    description: 'Charges admitted in this process that the store has yet to count.',
  },
  writtenBack: {
    name: 'tollgate.write_back.charges',
    unit: '{charge}',
    description: 'Charges that were written back to the store, or dropped.',
  },
  policyVersion: {
    name: 'tollgate.policy.version',
    unit: '{version}',
    description: 'How many policies the limiter has had.',
  },
  suspended: { name: 'tollgate.suspended', unit: '{limiter}', description: 'Limiters that admit every request.' },
  sourceFailures: {
    name: 'tollgate.account_source.failures',
    unit: '{charge}',
    description: 'Charges for which an account source failed.',
  },
  candidateDecisions: {
    name: 'tollgate.candidate.decisions',
    unit: '{decision}',
    description: 'Charges that a candidate policy decided beside the policy in force.',
  },
  counters: {
    name: 'tollgate.memory.counters',
    unit: '{counter}',
    description: 'Counters in a memory store.',
  },
  maxCounters: {
    name: 'tollgate.memory.max_counters',
    unit: '{counter}',
    description: 'Counters that a memory store has room for.',
  },
  evictions: {
    name: 'tollgate.memory.evictions',
    unit: '{counter}',
    description: 'Counters that a memory store removed to make room.',
  },
  batchSize: {
    name: 'tollgate.redis.batch.size',
    unit: '{operation}',
    description: 'Operations in one call of the script.',
  },
  mergedOperations: {
    name: 'tollgate.redis.merged_operations',
    unit: '{operation}',
    description: 'Operations that were merged with an equal one of the same call.',
  },
  failedCalls: { name: 'tollgate.redis.failed_calls', unit: '{call}', description: 'Calls of the script that failed.' },
  denyCacheHits: {
    name: 'tollgate.redis.deny_cache.hits',
    unit: '{decision}',
    description: 'Refusals made without a call to Redis.',
  },
  pendingOperations: {
    name: 'tollgate.redis.pending_operations',
    unit: '{operation}',
    description: 'Operations that wait to be sent or answered.',
  },
} as const;

export type Metric = (typeof METRICS)[keyof typeof METRICS];

/** The attributes that series differ in. */
export const ATTRIBUTES = {
  limiter: 'tollgate.limiter.name',
  category: 'tollgate.category',
  account: 'tollgate.account',
  outcome: 'tollgate.outcome',
  reason: 'tollgate.reason',
  source: 'tollgate.source',
  scope: 'tollgate.scope',
  subject: 'tollgate.subject',
  storeState: 'tollgate.store.state',
  circuitState: 'tollgate.circuit.state',
  result: 'tollgate.result',
  eviction: 'tollgate.eviction',
  agreement: 'tollgate.agreement',
  correction: 'tollgate.correction',
  error: 'error.type',
} as const;
