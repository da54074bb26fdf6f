import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { type ObserveOptions, observeRateLimits } from '@tollgate/opentelemetry';

type Attributes = Readonly<Record<string, unknown>>;

/** The SDK's reader without a timer: a test calls `collect`. */
class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Observes all limiters, and keeps the metrics in memory. */
export class Collector {
  readonly #reader = new Reader();
  readonly provider: MeterProvider = new MeterProvider({ readers: [this.#reader] });
  readonly #observation: ReturnType<typeof observeRateLimits>;

  constructor(options: ObserveOptions = {}) {
    this.#observation = observeRateLimits({ meterProvider: this.provider, ...options });
  }

  /** Every metric by name, with its unit and points. The names of attributes lose their `tollgate.` prefix. */
  async collect(): Promise<Map<string, { unit: string; points: { attributes: Attributes; value: unknown }[] }>> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw errors[0];
    const found = new Map<string, { unit: string; points: { attributes: Attributes; value: unknown }[] }>();
    for (const { metrics } of resourceMetrics.scopeMetrics) {
      for (const { descriptor, dataPoints } of metrics) {
        const points = dataPoints.map(({ attributes, value }) => ({ attributes: shorten(attributes), value }));
        found.set(descriptor.name, { unit: descriptor.unit, points });
      }
    }
    return found;
  }

  /** The points of one metric, as sorted lines `attribute=value …: value`, without those that are 0. */
  async lines(name: string): Promise<string[]> {
    const { points = [] } = (await this.collect()).get(name) ?? {};
    return points
      .filter(({ value }) => value !== 0)
      .map(({ attributes, value }) => `${words(attributes)}: ${shown(value)}`)
      .sort();
  }

  async stop(): Promise<void> {
    this.#observation.stop();
    await this.provider.shutdown();
  }

  /** Ends the observation, but not the provider. */
  unobserve(): void {
    this.#observation.stop();
  }
}

function shorten(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name.replace(/^tollgate\.(limiter\.name)?/, (_, own) => (own ? 'limiter' : '')),
      value,
    ]),
  );
}

function words(attributes: Attributes): string {
  return Object.keys(attributes)
    .sort()
    .map((name) => `${name}=${String(attributes[name])}`)
    .join(' ');
}

/** A number, or the count and sum of a histogram. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { count, sum } = value as { readonly count: number; readonly sum: number };
  return `${count} of ${sum}`;
}
