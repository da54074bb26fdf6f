import { Worker } from 'node:worker_threads';
import { definePolicy, type PolicyOptions } from '@tollgate/core';
import { type ParsedPolicy, parsedPolicy, parsePolicy, parseValidJson } from './parse-policy.js';
import { PolicyFileError, type PolicyProblem } from './policy-file-error.js';

/** What the worker reports: the options of a valid policy, or the content of a `PolicyFileError`. */
export type WorkerAnswer =
  | { readonly options: PolicyOptions }
  | { readonly message: string; readonly problems: readonly PolicyProblem[]; readonly mayBeQuoted: boolean };

export interface WorkerQuestion {
  readonly text: string;
  readonly file: string;
}

/**
 * {@link parsePolicy} for a text that may be long. YAML takes a second for each megabyte, so a long text is parsed by a
 * worker thread, and the event loop decides requests meanwhile. JSON of a valid policy needs no worker.
 */
export async function parsePolicyAside(text: string, file: string): Promise<ParsedPolicy> {
  if (text.length <= LONGEST_ON_EVENT_LOOP) return parsePolicy(text, { file });
  const json = parseValidJson(text, file);
  if (json !== undefined) return json;
  const answer = await askWorker({ text, file });
  if (answer === undefined) return parsePolicy(text, { file });
  if ('options' in answer) return parsedPolicy(text, file, answer.options, definePolicy(answer.options));
  throw new PolicyFileError(file, answer.message, answer);
}

/** In UTF-16 code units. YAML of this length takes about a tenth of a second. */
const LONGEST_ON_EVENT_LOOP = 100_000;

/** `undefined` where there can be no worker: a bundler has left its file out, or permissions forbid it. */
function askWorker(question: WorkerQuestion): Promise<WorkerAnswer | undefined> {
  return new Promise((resolve, reject) => {
    try {
      const worker = new Worker(new URL('./parse-worker.js', import.meta.url), { workerData: question, execArgv: [] });
      worker.once('message', resolve);
      worker.once('error', (error: NodeJS.ErrnoException) => {
        // The event loop would run out of memory too.
        if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return resolve(undefined);
        const { file } = question;
        reject(new PolicyFileError(file, `${file} cannot be parsed: ${error.message}`, { cause: error }));
      });
      worker.once('exit', () => resolve(undefined));
    } catch {
      resolve(undefined);
    }
  });
}
