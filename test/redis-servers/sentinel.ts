import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask.js';
import { freePort, RunningServer, until } from './standalone.js';

const NAME = 'main';
const SENTINELS = 3;

/** A master and its replica, watched by three sentinels of which two decide. */
export interface RunningSentinel {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** What the sentinels call the master. */
  readonly name: string;
  /** The master's port according to the first sentinel: for a while after a crash, that of the dead one. */
  masterPort(): Promise<number>;
  master(): Promise<RunningServer>;
  /** Ends the master as a crash does; the replica takes over seconds later. */
  killMaster(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSentinel(): Promise<RunningSentinel> {
  // The first synchronisation would otherwise wait five seconds for other replicas.
  const start = () => RunningServer.start({ args: ['--repl-diskless-sync-delay', '0'] });
  const servers: RunningServer[] = [];
  const watchers: RunningServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(watchers.map((watcher) => watcher.stop()));
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const first = await start();
    servers.push(first);
    const replica = await start();
    servers.push(replica);
    await ask(replica.port, 'REPLICAOF', '127.0.0.1', first.port);
    // Before the sentinels look: they look again only ten seconds later.
    await until('the master to have its replica', async () =>
      /slave0:.*state=online/.test(String(await ask(first.port, 'INFO', 'replication'))),
    );
    for (let index = 0; index < SENTINELS; index += 1) watchers.push(await startWatcher(first.port));
    await until('the sentinels to see all', async () => (await Promise.all(watchers.map(seesAll))).every(Boolean));
  } catch (error) {
    await stop();
    throw error;
  }

  const masterPort = async (): Promise<number> => {
    const address = await ask(watchers[0]!.port, 'SENTINEL', 'get-master-addr-by-name', NAME);
    return Number((address as [string, string])[1]);
  };
  const master = async (): Promise<RunningServer> => {
    const port = await masterPort();
    return servers.find((server) => server.port === port)!;
  };
  return {
    sentinels: watchers.map(({ port }) => ({ host: '127.0.0.1', port })),
    name: NAME,
    masterPort,
    master,
    killMaster: async () => (await master()).kill(),
    stop,
  };
}

/** A sentinel needs a file as its first argument, and stores its state there. */
async function startWatcher(masterPort: number): Promise<RunningServer> {
  const port = await freePort();
  const configure = (folder: string) => {
    const file = join(folder, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      'logfile server.log',
      `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${NAME} 500`,
      `sentinel failover-timeout ${NAME} 2000`,
      `sentinel parallel-syncs ${NAME} 1`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return [file, '--sentinel'];
  };
  return RunningServer.start({ port, configure });
}

async function seesAll({ port }: RunningServer): Promise<boolean> {
  const master = fields(await ask(port, 'SENTINEL', 'master', NAME));
  const [replica] = (await ask(port, 'SENTINEL', 'slaves', NAME)) as unknown[];
  return (
    master.get('num-other-sentinels') === String(SENTINELS - 1) &&
    replica !== undefined &&
    fields(replica).get('master-link-status') === 'ok'
  );
}

function fields(reply: unknown): Map<string, string> {
  const flat = reply as string[];
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]!]] : [])));
}
