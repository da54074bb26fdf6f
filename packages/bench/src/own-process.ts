import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { atTheEnd } from '@tollgate/legs-api-server/ending';

/**
 * A contender in a process of its own, which is idle between its tasks. So no contender pays for the garbage, timers or
 * compiled code of another, and all can take turns within one run.
 */
export class OwnProcess<Task, Answer> {
  readonly #child: ChildProcess;
  readonly #kill: () => void;
  #settle: ((message: Message<Answer>) => void) | undefined;

  constructor(module: URL, args: readonly string[] = [], execArgv: readonly string[] = []) {
    this.#child = fork(module, [...args], { execArgv: [...execArgv], env: { ...process.env, NODE_ENV: 'production' } });
    this.#kill = atTheEnd(() => this.#child.kill('SIGKILL'));
    this.#child.on('message', (message: Message<Answer>) => this.#settle?.(message));
    this.#child.once('exit', (code, signal) => {
      this.#kill();
      this.#settle?.({ failed: `The process of a contender ended early: ${code ?? signal}` });
    });
  }

  /** Takes one task at a time, and rejects with the task's error. */
  async ask(task: Task): Promise<Answer> {
    const message = await new Promise<Message<Answer>>((resolve) => {
      this.#settle = resolve;
      this.#child.send({ task });
    });
    if (message.failed !== undefined) throw new Error(message.failed);
    return message.answer as Answer;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#kill();
    await exited;
  }
}

interface Message<Answer> {
  readonly answer?: Answer;
  readonly failed?: string;
}

/** The other side: runs each task, and ends with the process that sends them. */
export function answerTasks<Task>(act: (task: Task) => unknown): void {
  process.on('message', async ({ task }: { readonly task: Task }) => {
    try {
      process.send!({ answer: await act(task) });
    } catch (error) {
      process.send!({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', () => process.exit());
}
