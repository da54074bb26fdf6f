/**
 * Every metric, with its unit and what it counts. Names and units follow the semantic conventions of OpenTelemetry;
 * `docs/observability.md` has the same table with attributes and advice, and a test holds the two together.
 */
export const METRICS = {
  decisions: { name: 'tollgate.decisions', unit: '{decision}', description: 'Charges that were decided.' },
  nearLimit: {
    name: 'tollgate.near_limit_decisions',
    unit: '{decision}',
    description: 'Charges that were admitted and left a quota nearly full.',
  },
  throttled: {
    name: 'tollgate.throttled_decisions',
    unit: '{decision}',
    description: 'Charges that met limits shrunk by a throttling.',
  },
  throttlings: { name: 'tollgate.throttlings', unit: '{throttling}', description: 'Throttlings that began.' },
  activeThrottlings: {
    name: 'tollgate.active_throttlings',
    unit: '{throttling}',
    description: 'Throttlings that began here and have not been noticed to be over.',
  },
  storeCallDuration: {
    name: 'tollgate.store.call.duration',
    unit: 's',
    description: 'How long calls of the store were waited for.',
  },
  storeState: {
    name: 'tollgate.store.state',
    unit: '{limiter}',
    description: 'Limiters whose store is in that state.',
  },
  openCircuits: {
    name: 'tollgate.store.open_circuits',
    unit: '{circuit}',
    description: 'Parts of the store that are not asked now.',
  },
  circuitChanges: {
    name: 'tollgate.store.circuit.changes',
    unit: '{change}',
    description: 'Circuits that opened or closed.',
  },
  storeFailures: {
    name: 'tollgate.store.failures',
    unit: '{call}',
    description: 'Calls of the store that failed or came too late.',
  },
  owedCharges: {
    name: 'tollgate.write_back.pending',
    unit: '{charge}',
    description: 'Charges admitted here that are owed to the store.',
  },
  writtenBack: {
    name: 'tollgate.write_back.charges',
    unit: '{charge}',
    description: 'Charges that were written back to the store, or lost.',
  },
  policyVersion: {
    name: 'tollgate.policy.version',
    unit: '{version}',
    description: 'How many policies the limiter has had.',
  },
  suspended: { name: 'tollgate.suspended', unit: '{limiter}', description: 'Limiters that let everyone through.' },
  sourceFailures: {
    name: 'tollgate.account_source.failures',
    unit: '{charge}',
    description: 'Charges for which a source of limits failed.',
  },
  candidateDecisions: {
    name: 'tollgate.candidate.decisions',
    unit: '{decision}',
    description: 'Charges that a candidate policy decided beside the policy.',
  },
  counters: {
    name: 'tollgate.memory.counters',
    unit: '{counter}',
    description: 'Counters that a store in memory holds.',
  },
  maxCounters: { name: 'tollgate.memory.max_counters', unit: '{counter}', description: 'Counters that it may hold.' },
  evictions: { name: 'tollgate.memory.evictions', unit: '{counter}', description: 'Counters that it gave up.' },
  batchSize: {
    name: 'tollgate.redis.batch.size',
    unit: '{operation}',
    description: 'Operations that went in one call of the script.',
  },
  mergedOperations: {
    name: 'tollgate.redis.merged_operations',
    unit: '{operation}',
    description: 'Those that an equal one carried along.',
  },
  failedCalls: { name: 'tollgate.redis.failed_calls', unit: '{call}', description: 'Calls of the script that failed.' },
  denyCacheHits: {
    name: 'tollgate.redis.deny_cache.hits',
    unit: '{decision}',
    description: 'Refusals that were made without asking Redis.',
  },
  pendingOperations: {
    name: 'tollgate.redis.pending_operations',
    unit: '{operation}',
    description: 'Operations not answered yet.',
  },
} as const;

/** What series are told apart by. */
export const ATTRIBUTES = {
  limiter: 'tollgate.limiter.name',
  category: 'tollgate.category',
  account: 'tollgate.account',
  outcome: 'tollgate.outcome',
  reason: 'tollgate.reason',
  source: 'tollgate.source',
  scope: 'tollgate.scope',
  storeState: 'tollgate.store.state',
  circuitState: 'tollgate.circuit.state',
  result: 'tollgate.result',
  eviction: 'tollgate.eviction',
  agreement: 'tollgate.agreement',
  error: 'error.type',
} as const;
