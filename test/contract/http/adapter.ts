import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Decision } from '@tollgate/core';
import type { HttpOptions } from '@tollgate/core/http';

/** What the requests of both frameworks have in common, as far as these tests go. */
export interface CommonRequest {
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly url: string;
  readonly query: unknown;
}

/** A response that either framework can end. */
export interface CommonResponse {
  end(status: number, text: string): void;
}

type Replacement = (request: CommonRequest, response: CommonResponse, decision: Decision) => unknown;

export type CommonOptions = Omit<HttpOptions<CommonRequest, never>, 'onLimited' | 'onUnavailable'> & {
  readonly onLimited?: Replacement;
  readonly onUnavailable?: Replacement;
};

export interface Setup {
  /** One limiter for each, in this order. */
  readonly limiters: readonly CommonOptions[];
  /** Limiters stand on `/v2/accounts/:account_sid` (the default), or on the application as a whole. */
  readonly mount?: 'account' | 'root';
  readonly trustProxy?: boolean;
  /** The application's own error handler: what it was given, as text, is its answer, with status 500. */
  readonly errorHandler?: boolean;
  /** Called by the handler of every route before it answers. */
  readonly beforeAnswer?: (request: CommonRequest) => Promise<void> | void;
}

/** A running application: every path below its mounts answers `{ decision }` with the status that `x-status` asks for. */
export interface Running {
  readonly origin: string;
  readonly server: Server;
  close(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  start(setup: Setup): Promise<Running>;
}

export function statusOf(request: CommonRequest): number {
  return Number(request.headers['x-status'] ?? 200);
}

export async function listening(server: Server): Promise<Running> {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
