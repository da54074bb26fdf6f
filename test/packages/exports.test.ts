import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LIBRARIES, ROOT } from './pack.js';

/** The names that each entry exports, sorted. A change here is a change of the public API. */
const EXPORTS: Readonly<Record<string, { readonly values: string; readonly types: string }>> = {
  '@tollgate/core': {
    values: `
      Decision MemoryStore Policy Quota RateLimitError RateLimiter StoreError Throttle defineAccountLayer definePolicy legsApiAccount
      legsApiCategory legsApiPolicy limiterNameOf perDay perHour perMinute perSecond`,
    types: `
      AccountLayer AccountSource AppliedQuota CategoryLayer Charge ChargeState Clock Comparison CounterSpec CounterTarget
      DecisionSource ErrorCode EscalateOptions Explained Explanation Health Identity Layer Layers LegsApiCategory
      LimiterEvents LimiterStats MaybePromise MemoryStoreOptions MemoryStoreStats Mode Outcome PerOptions PolicyNames
      PolicyOptions QuotaList QuotaOptions QuotaState RateLimiterOptions Reason Receipt ReceiptClaims ShardHealth Store
      StoreErrorOptions StoreFailureMode StoreFailureModes Suspension ThrottleOptions Throttled TollgateError`,
  },
  '@tollgate/core/http': {
    values: `
      Answers BAD_REQUEST_STATUS BadCost CHARGE_OPTIONS Corrections ENVELOPE_TYPE LIMITED_STATUS MountWatch
      MountedLimiter RequestReader UNAVAILABLE_STATUS asError checkChargeOptions checkCharges checkHttpOptions checkIpv6Prefix checkNames
      checkOneOf checkOptions checkRefundAtMost clientAddress envelopeWriter headersWriter legsApiOptions limiterOf refusalLine reportRefusal requestId
      writeRetryAfter`,
    types: `
      AccountOption AddressFacts AnsweredRequest ChargeEntry ChargeOptions ChargesOption ClientFacts EndingResponse Envelope
      HeaderChoice HeaderFormat HeaderSpelling HeadersWriter HttpOptions NamedSubjects Optional Paths ProxyTrust RefusalHook
      Replacement RequestFacts RouteFacts Serves SetHeader SubjectsOption`,
  },
  '@tollgate/core/usage': {
    values: `
      MemoryUsage OTHER_ACCOUNTS identityOf readUsage summarizeUsage usageAccount`,
    types: `
      MemoryUsageOptions MemoryUsageStats UsageBusiestMinute UsageCategory UsageCategoryCounts UsageCorrections UsageCounts UsageEntry
      UsageFailure UsageFullest UsageMinute UsageNearest UsageOptions UsageQuery UsageQuestion UsageRefused
      UsageReport UsageStats UsageStep UsageStepName UsageStore UsageSuggestion UsageTop`,
  },
  '@tollgate/core/channels': {
    values: '',
    types: `
      CandidateMessage ChannelMessages CircuitMessage CorrectionMessage DecisionMessage HealthMessage LimiterMessage ObservedLimiter
      PolicyMessage StoreCallMessage StoreStateMessage SuspensionMessage ThrottlingBegunMessage ThrottlingEndedMessage`,
  },
  '@tollgate/core/kit': {
    values: `
      MAX_WINDOW_MS OutageWarnings addCorrections asError callSafely causeInWords checkFunction checkInteger checkOneOf checkOptions
      checkString closedError counterPrefixOf entryOf isPromise limitsConflictError monotonicClock optionConflictError
      optionRangeError optionTypeError othersOf ownCopy pageOf partsOfSubjectCounter requestsOf showName usagePrefixOf wallClock warn within`,
    types: `
      Block ExplainedCounter Limits PartyLayer Resolution Scope SubjectLayer Subjects Until`,
  },
  '@tollgate/express': {
    values: `
      legsApi rateLimit`,
    types: `
      RateLimitOptions`,
  },
  '@tollgate/fastify': {
    values: `
      default legsApi rateLimit`,
    types: `
      RateLimitOptions RouteRateLimit`,
  },
  '@tollgate/redis': {
    values: `
      RedisLimits RedisStore RedisUsage`,
    types: `
      ChangeOptions LimitsChange LimitsClient LimitsState ObservedStore RedisCallMessage RedisClient
      RedisLimitsOptions RedisStoreOptions RedisStoreStats RedisUsageOptions StoredLimits`,
  },
  '@tollgate/opentelemetry': {
    values: `
      ATTRIBUTES METRICS observeRateLimits`,
    types: `
      Observation ObserveOptions`,
  },
  '@tollgate/sources': {
    values: `
      AccountLimits PolicyFileError PolicyWatch accountLimits loadPolicyFile parseLayer parsePolicy watchPolicyFile`,
    types: `
      AccountLimitsOptions AccountLimitsStats FetchLimits LoadOptions ParseOptions ParsedLayer ParsedPolicy
      PolicyProblem Position WatchOptions`,
  },
};

/** The names of the declarations of an entry, types and values. Every statement has to be one that this reads. */
function declaredBy(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const lists = [...text.matchAll(/export (?:type )?\{([^}]*)\}(?: from '[^']+')?;/g)];
  const rest = lists.reduce((left, [statement]) => left.replace(statement, ''), text);
  expect(rest.trim(), `${file} has a statement that this test cannot read`).toBe('');
  return lists
    .flatMap(([, names]) => names!.split(','))
    .map((name) =>
      name
        .trim()
        .replace(/^type /, '')
        .replace(/^.* as /, ''),
    )
    .filter((name) => name !== '')
    .sort();
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

const entries = LIBRARIES.flatMap((name) => {
  const folder = join(ROOT, 'packages', name.replace('@tollgate/', ''));
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.entries(manifest.exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [[join(name, path), join(folder, target.types), join(folder, target.default)] as const],
  );
});

const spread = (names: string) => names.split(/\s+/).filter((name) => name !== '');

describe('the entries of the packages', () => {
  it('are all listed here', () => {
    expect(entries.map(([entry]) => entry)).toEqual(Object.keys(EXPORTS));
  });

  it.each(entries)('%s exports just its names', async (entry, types, module) => {
    const { values = '', types: typeNames = '' } = EXPORTS[entry] ?? {};
    const found: string[] = Object.keys(await import(pathToFileURL(module).href)).sort();
    const declared = declaredBy(types);
    expect(found).toEqual(spread(values));
    expect(declared.filter((name) => !found.includes(name))).toEqual(spread(typeNames));
    expect(found.filter((name) => !declared.includes(name))).toEqual([]);
  });

  it('of core has about 60 names at its root', () => {
    const { values, types } = EXPORTS['@tollgate/core']!;
    expect(spread(values).length + spread(types).length).toBeLessThanOrEqual(64);
  });
});
