import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { atTheEnd } from '@tollgate/legs-api-server/ending';

/**
 * A contender in a process of its own, which works when it is asked to and is idle otherwise. Nobody's garbage, timers or
 * optimised code are then another's cost, and all can still take turns within one run.
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
      this.#settle?.({ failed: `The process of a contender has ended: ${code ?? signal}` });
    });
  }

  /** One task at a time. Rejects with what the task failed with. */
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

/** The other side: does each task as it comes. It ends with the process that asks. */
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
