import { connect, type Socket } from 'node:net';

/** One answer, as the socket received it. */
export interface RawAnswer {
  readonly statusLine: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A connection on which tests write bytes and read answers, so that no client corrects anything. */
export class RawConnection {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(origin: string) {
    this.socket = connect(Number(new URL(origin).port), '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    this.socket.on('close', end);
    this.socket.on('error', end);
  }

  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => this.socket.write(bytes, (error) => (error ? reject(error) : resolve())));
  }

  /** The next answer. An answer to HEAD, or with status 1xx, 204 or 304, has no body. */
  async read({ head = false } = {}): Promise<RawAnswer> {
    const end = await this.#until(() => this.#received.indexOf('\r\n\r\n'));
    const [statusLine = '', ...lines] = this.#received.subarray(0, end).toString('latin1').split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const status = Number(statusLine.split(' ')[1]);
    const length = head || status < 200 ? 0 : Number(headers['content-length'] ?? 0);
    await this.#until(() => (this.#received.length >= end + 4 + length ? 0 : -1));
    const body = this.#received.subarray(end + 4, end + 4 + length).toString();
    this.#received = this.#received.subarray(end + 4 + length);
    return { statusLine, status, headers, body };
  }

  close(): void {
    this.socket.destroy();
  }

  async #until(found: () => number): Promise<number> {
    while (true) {
      const at = found();
      if (at >= 0) return at;
      if (this.#ended) throw new Error(`connection ended after ${JSON.stringify(this.#received.toString())}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A request with no body and the given header lines. */
export function rawRequest(path: string, { method = 'GET', headers = [] as readonly string[] } = {}): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');
}

/** Sends one request on a new connection. */
export async function rawFetch(
  origin: string,
  path: string,
  options: { readonly method?: string; readonly headers?: readonly string[] } = {},
): Promise<RawAnswer> {
  const connection = new RawConnection(origin);
  try {
    await connection.write(rawRequest(path, options));
    return await connection.read({ head: options.method === 'HEAD' });
  } finally {
    connection.close();
  }
}
