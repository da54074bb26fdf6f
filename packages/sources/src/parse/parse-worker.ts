/**
 * The worker thread of `parse-aside.ts`: parses one text and ends.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerAnswer, WorkerQuestion } from './parse-aside.js';
import { parsePolicy } from './parse-policy.js';
import { PolicyFileError } from './policy-file-error.js';

parentPort?.postMessage(answerTo(workerData as WorkerQuestion));

function answerTo({ text, file }: WorkerQuestion): WorkerAnswer {
  try {
    return { options: parsePolicy(text, { file }).options };
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    const { message, problems, mayBeQuoted } = error;
    return { message, problems, mayBeQuoted };
  }
}
