import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { type ObserveOptions, observeRateLimits } from '@tollgate/opentelemetry';

type Attributes = Readonly<Record<string, unknown>>;

/** The SDK's own reader, asked by hand. */
class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** A meter in memory, and limiters observed through it. */
export class Collector {
  readonly #reader = new Reader();
  readonly provider: MeterProvider = new MeterProvider({ readers: [this.#reader] });
  readonly #observation: ReturnType<typeof observeRateLimits>;

  constructor(options: ObserveOptions = {}) {
    this.#observation = observeRateLimits({ meterProvider: this.provider, ...options });
  }

  /** Every metric that there is, by name: its unit, and its points as `{ attributes, value }`, the shortened names of both. */
  async collect(): Promise<Map<string, { unit: string; points: { attributes: Attributes; value: unknown }[] }>> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw errors[0];
    const found = new Map<string, { unit: string; points: { attributes: Attributes; value: unknown }[] }>();
    for (const { metrics } of resourceMetrics.scopeMetrics) {
      for (const { descriptor, dataPoints } of metrics) {
        const points = dataPoints.map(({ attributes, value }) => ({ attributes: short(attributes), value }));
        found.set(descriptor.name, { unit: descriptor.unit, points });
      }
    }
    return found;
  }

  /** The points of one metric, as `attribute=value …: value` lines, sorted, less those that are 0. */
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

  /** Ends the observation alone. */
  unobserve(): void {
    this.#observation.stop();
  }
}

function short(attributes: Attributes): Attributes {
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

/** Of a histogram, how often and how much in all. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { count, sum } = value as { readonly count: number; readonly sum: number };
  return `${count} of ${sum}`;
}
