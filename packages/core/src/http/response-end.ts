import type { Socket } from 'node:net';
import { entryOf } from '../entry-of.js';

/** The part of a Node response that shows how it ends. `stream` is that of HTTP/2. */
export interface EndingResponse {
  readonly statusCode: number;
  readonly destroyed?: boolean;
  readonly writableFinished?: boolean;
  readonly socket: unknown;
  readonly req?: { readonly socket?: Socket | null };
  readonly stream?: unknown;
  once(event: 'finish' | 'close', listener: () => void): unknown;
}

/**
 * Calls `ended` once: with true when the response has finished, or with false when its connection or stream has closed
 * before. That is at once if it has happened already, since a client may leave while its request is decided. Neither is
 * known of a response that nobody ends on a connection that stays open.
 */
export function whenEnded(response: EndingResponse, ended: (isFinished: boolean) => void): void {
  const stream = streamOf(response);
  if (stream !== undefined) whenStreamEnded(response, stream, ended);
  // Node detaches a finished response from its socket. One that is ended after its client has left keeps the socket.
  else if (response.destroyed === true && response.socket !== null) ended(false);
  else if (response.writableFinished === true) ended(true);
  else whenResponseEnded(response, ended);
}

/** Over HTTP/2 Node emits `finish` for a stream that the client has reset, too. */
function whenStreamEnded(response: EndingResponse, stream: ResponseStream, ended: (isFinished: boolean) => void): void {
  const report = () => ended(!stream.aborted && stream.writableFinished);
  if (stream.destroyed) report();
  else response.once('close', report);
}

function whenResponseEnded(response: EndingResponse, ended: (isFinished: boolean) => void): void {
  // A pipelined response waits for those before it. Until then it has no socket, and is not notified of its end.
  const socket = response.socket === null ? response.req?.socket : undefined;
  if (socket?.destroyed === true) {
    ended(false);
    return;
  }
  let isOpen = true;
  const end = (isFinished: boolean) => {
    if (!isOpen) return;
    isOpen = false;
    if (socket) waiting.get(socket)?.delete(left);
    ended(isFinished);
  };
  const left = () => end(false);
  response.once('finish', () => end(!isCut(response.req?.socket)));
  response.once('close', left);
  if (socket) waitersOf(socket).add(left);
}

/** Node emits `finish` also where the connection has ended in the middle of a long answer. */
function isCut(socket: Socket | null | undefined): boolean {
  return socket?.destroyed === true || Boolean(socket?.errored);
}

interface ResponseStream {
  readonly aborted: boolean;
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
}

function streamOf({ stream }: EndingResponse): ResponseStream | undefined {
  return typeof stream === 'object' && stream !== null && 'rstCode' in stream
    ? (stream as object as ResponseStream)
    : undefined;
}

/** One listener for each connection, since a client decides how many requests it pipelines. */
function waitersOf(socket: Socket): Set<() => void> {
  return entryOf(waiting, socket, () => {
    const waiters = new Set<() => void>();
    socket.once('close', () => {
      for (const left of [...waiters]) left();
    });
    return waiters;
  });
}

const waiting = new WeakMap<Socket, Set<() => void>>();
