import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes bytes between clients and a server, until it is muted: then it keeps connections open and passes nothing. */
export class MuteProxy {
  readonly port: number;
  /** Whether connections that are made now are silent too. */
  mutesNewcomers = false;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async to(port: number): Promise<MuteProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new MuteProxy(server, (server.address() as { port: number }).port);
    server.on('connection', (client) => proxy.#pass(client, port));
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Silences the connections that there are, for good. Not even their end is passed on. */
  mute(): void {
    for (const pair of this.#pairs) mutePair(pair);
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket, port: number): void {
    const pair = [client, connect(port, '127.0.0.1')] as const;
    this.#pairs.add(pair);
    for (const socket of pair) socket.on('error', () => {}).on('close', () => this.#pairs.delete(pair));
    if (this.mutesNewcomers) mutePair(pair);
    else {
      client.pipe(pair[1]);
      pair[1].pipe(client);
    }
  }
}

function mutePair(pair: readonly Socket[]): void {
  for (const socket of pair) {
    socket.unpipe();
    socket.removeAllListeners('data');
    // What arrives is taken and thrown away, as by a network that drops packets.
    socket.on('data', () => {});
    socket.resume();
  }
}
