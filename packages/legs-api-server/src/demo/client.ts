/** An answer as it was received. `receivedAt` is a time of the limiter's clock. */
export interface Received {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: string;
  readonly receivedAt: number;
}

export type Call = (method: 'GET' | 'POST', path: string, key?: string) => Promise<Received>;

/** Calls the Legs API at an origin over HTTP, with the credentials of one of its keys. */
export function clientOf(origin: string, credentials: ReadonlyMap<string, string>): Call {
  return async (method, path, key = 'key') => {
    const authorization = `Basic ${Buffer.from(`${key}:${credentials.get(key)}`).toString('base64')}`;
    const response = await fetch(`${origin}/v2/accounts/${path}`, { method, headers: { authorization } });
    const body = await response.text();
    const { status, statusText, headers } = response;
    return { status, statusText, headers, body, receivedAt: performance.now() };
  };
}

/** The status line, headers and body, indented. */
export function show({ status, statusText, headers, body }: Received): string {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${statusText}`, ...lines, '', body].map((line) => `    ${line}`.trimEnd()).join('\n');
}

/** A claim of the demo turned out to be false. */
export class Disproved extends Error {}

/** A POST that is claimed to be admitted. */
export async function admitted(call: Call, path: string, what: string, key?: string): Promise<Received> {
  const received = await call('POST', path, key);
  claim(received.status === 202, `${what} to be admitted`, received);
  return received;
}

/** A POST that is claimed to be refused. */
export async function refused(call: Call, path: string, what: string, key?: string): Promise<Received> {
  const received = await call('POST', path, key);
  claim(received.status === 429, `${what} to be refused`, received);
  return received;
}

export function limitOf({ headers }: Received): number {
  return Number(headers.get('x-ratelimit-limit') ?? Number.NaN);
}

export function remainingOf({ headers }: Received): number {
  return Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
}

export function claim(holds: boolean, what: string, received: Received): void {
  if (!holds) throw new Disproved(`Expected ${what}, but got:\n${show(received)}`);
}
