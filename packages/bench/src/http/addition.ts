import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ConstantAnswer } from '../contenders/http-settings.js';

/** What a limiter adds to the answer of the bare framework to this request, or answers instead; as it is spelled. */
export async function additionTo(url: string, kind: 'admitted' | 'refused'): Promise<ConstantAnswer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false }, resolve).once('error', reject);
  });
  const body = await text(response);
  if (response.statusCode !== (kind === 'admitted' ? 200 : 429)) {
    throw new Error(`${url} answered ${response.statusCode} to a request that is ${kind}`);
  }
  const { rawHeaders } = response;
  const headers: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) headers.push([rawHeaders[index]!, rawHeaders[index + 1]!]);
  const others = kind === 'admitted' ? OF_EVERY_ANSWER : OF_EVERY_SERVER;
  return { headers: headers.filter(([name]) => !others.has(name.toLowerCase())), ...(kind === 'refused' && { body }) };
}

const OF_EVERY_SERVER: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'x-powered-by']);
const OF_EVERY_ANSWER: ReadonlySet<string> = new Set([...OF_EVERY_SERVER, 'content-type', 'content-length', 'etag']);
