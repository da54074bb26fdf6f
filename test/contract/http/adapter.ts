import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Decision } from '@tollgate/core';
import type { HttpOptions } from '@tollgate/core/http';

/** The part of a request that both frameworks have, as far as these tests need it. */
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

/** Some options of both adapters; see `Setup.limiters` for all of them. */
export type CommonOptions = Partial<Omit<HttpOptions<CommonRequest, never>, 'onLimited' | 'onUnavailable'>> & {
  readonly onLimited?: Replacement;
  readonly onUnavailable?: Replacement;
};

export interface Setup {
  /** The options of each limiter, in mounting order. */
  readonly limiters: readonly CommonOptions[];
  /** Mounts the limiters on `/v2/accounts/:account_sid` (the default), or on the whole application. */
  readonly mount?: 'account' | 'root';
  readonly trustProxy?: boolean | string;
  /** The application's own error handler answers 500 with the message of the error. */
  readonly errorHandler?: boolean;
  /** Called by the handler of every route before it answers. */
  readonly beforeAnswer?: (request: CommonRequest) => Promise<void> | void;
}

/** A running application. Every path below its mounts answers `{ decision }`, with the status in `x-status`. */
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
