import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atTheEnd } from '@tollgate/legs-api-server/ending';
import autocannon from 'autocannon';
import { accountName } from '../accounts.js';

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Answers with a status of 400 or more. */
  readonly refused: number;
}

/** Sends requests to a server over {@link CONNECTIONS} connections. */
export interface Load {
  readonly program: string;
  /** Long compared with a change of turns, and short compared with disturbances of the machine. */
  readonly turnMs: number;
  run(port: number): Promise<LoadResult>;
  end(): void;
}

/** wrk if it is installed, since it leaves more CPU time to the server; else autocannon. */
export function findLoad(smoke: boolean): Load {
  return !smoke && hasWrk() ? wrkLoad() : autocannonLoad(smoke);
}

export const CONNECTIONS = 50;
const TURN_MS = 20;
export const PATHS: readonly string[] = Array.from({ length: 100 }, (_, n) => `/v2/accounts/${accountName(n)}/legs`);

function hasWrk(): boolean {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // It prints its version, and exits with 1.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function wrkLoad(): Load {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const script = join(folder, 'accounts.lua');
  writeFileSync(script, WRK_SCRIPT);
  const end = atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  return {
    program: `wrk, 1 thread, ${CONNECTIONS} connections, 1 s a run`,
    turnMs: TURN_MS,
    async run(port) {
      const line = ['-t1', `-c${CONNECTIONS}`, '-d1s', '-s', script, `http://127.0.0.1:${port}`];
      const { stdout } = await promisify(execFile)('wrk', line);
      const result = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(stdout)?.slice(1).map(Number);
      if (result === undefined) throw new Error(`wrk printed no result:\n${stdout}`);
      const [requests, elapsedUs, refused, failed] = result as [number, number, number, number];
      if (failed > 0) throw new Error(`${failed} requests of wrk failed`);
      return { requests, perSecond: (requests / elapsedUs) * 1e6, refused };
    },
    end,
  };
}

const WRK_SCRIPT = `
local paths = { ${PATHS.map((path) => `"${path}"`).join(', ')} }
local requests, last = {}, 0
function init()
  for index, path in ipairs(paths) do requests[index] = wrk.format("GET", path) end
end
function request()
  last = last % #requests + 1
  return requests[last]
end
function done(summary)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.timeout
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration, e.status, failed))
end
`;

function autocannonLoad(smoke: boolean): Load {
  const connections = smoke ? 5 : CONNECTIONS;
  // autocannon ends only when it takes a sample.
  const length = smoke ? { amount: 50, sampleInt: 5 } : { duration: 1 };
  return {
    program: `autocannon, ${connections} connections, ${smoke ? '50 requests' : '1 s'} a run`,
    turnMs: smoke ? 1 : TURN_MS,
    async run(port) {
      const result = await autocannon({
        url: `http://127.0.0.1:${port}`,
        connections,
        ...length,
        requests: PATHS.map((path) => ({ path })),
      });
      if (result.errors > 0) throw new Error(`${result.errors} requests of autocannon failed`);
      const requests = result['2xx'] + result.non2xx;
      const elapsedMs = result.finish.getTime() - result.start.getTime();
      return { requests, perSecond: (requests / elapsedMs) * 1000, refused: result.non2xx };
    },
    end() {},
  };
}
