import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from '../redis-servers/standalone.js';

export const run = promisify(execFile);
export const DEMO = 'packages/legs-api-server/dist/demo/index.js';
export const MAIN = 'packages/legs-api-server/dist/main.js';
export const FRAMEWORKS = ['express', 'fastify'] as const;

/** The environment of this process, but of the example's own variables only those given. */
export function environment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const {
    FRAMEWORK: _framework,
    PORT: _port,
    POLICY: _policy,
    REDIS_URL: _redis,
    METRICS_PORT: _metrics,
    ...rest
  } = process.env;
  return { ...rest, ...variables };
}

export function call(origin: string, path: string): Promise<Response> {
  const headers = { authorization: `Basic ${Buffer.from('key:token').toString('base64')}` };
  return fetch(`${origin}/v2/accounts/${path}`, { method: 'POST', headers });
}

/** The example's server in a process of its own, on a free port. */
export class StartedServer {
  readonly child: ChildProcess;
  printed = '';

  private constructor(variables: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [MAIN], {
      env: environment({ PORT: '0', ...variables }),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.printed += text;
    });
  }

  /** Starts it and waits for its greeting. */
  static async start(variables: Readonly<Record<string, string>>): Promise<StartedServer> {
    const server = new StartedServer(variables);
    await until('the greeting', () => server.printed.includes('uniq'));
    return server;
  }

  get origin(): string {
    return /listening on (\S+)\. /.exec(this.printed)![1]!;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
