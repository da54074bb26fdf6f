import { createServer, type Server } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type Observation, observeRateLimits } from '@tollgate/opentelemetry';
import { closed, listening } from './listening.js';

/** Serves the metrics of all limiters that are made after it, in the format of Prometheus. */
export class Metrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #meterProvider = new MeterProvider({ readers: [this.#exporter] });
  readonly #observation: Observation = observeRateLimits({ meterProvider: this.#meterProvider });
  readonly #server: Server = createServer((request, response) => {
    if (request.url === '/metrics') this.#exporter.getMetricsRequestHandler(request, response);
    else response.writeHead(404).end();
  });

  /** Returns the URL; port 0 takes any free port. */
  async listen(port: number): Promise<string> {
    return `${await listening(this.#server, port)}/metrics`;
  }

  async close(): Promise<void> {
    this.#observation.stop();
    if (this.#server.listening) await closed(this.#server, () => this.#server.close());
    await this.#meterProvider.shutdown();
  }
}
