import { createServer, type Server } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type Observation, observeRateLimits } from '@tollgate/opentelemetry';
import { closed, listening } from './listening.js';

/** What the limiters do that are made after it, for Prometheus to scrape. */
export class Metrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #meterProvider = new MeterProvider({ readers: [this.#exporter] });
  readonly #observation: Observation = observeRateLimits({ meterProvider: this.#meterProvider });
  readonly #server: Server = createServer((request, response) => {
    if (request.url === '/metrics') this.#exporter.getMetricsRequestHandler(request, response);
    else response.writeHead(404).end();
  });

  /** Serves them, and tells where. 0 asks for any free port. */
  async listen(port: number): Promise<string> {
    return `${await listening(this.#server, port)}/metrics`;
  }

  async close(): Promise<void> {
    this.#observation.stop();
    if (this.#server.listening) await closed(this.#server, () => this.#server.close());
    await this.#meterProvider.shutdown();
  }
}
