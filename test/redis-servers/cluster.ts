import { once } from 'node:events';
import { createServer } from 'node:net';
import { ask } from './ask.js';
import { RunningServer, until } from './standalone.js';

const MASTERS = 3;
const SLOTS = 16_384;
const BUS_OFFSET = 10_000;

/** Below the ports that systems hand out on their own, as is the bus port of each. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 22_700;

const NODE_ARGS = [
  ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '1000'],
  // A replica may take over however long it was cut off, and its first synchronisation does not wait five seconds.
  ...['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0'],
];

/** A real cluster: three masters, each with a third of the slots and one replica. */
export interface RunningCluster {
  /** The three that start as masters, then their replicas in the same order. */
  readonly nodes: readonly RunningServer[];
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[];
  /** The answering node that owns the slot. Waits for one, as after a crash. */
  masterOf(slot: number): Promise<RunningServer>;
  /** Moves a slot with all its keys. `middle` runs when both sides have begun and no key has moved yet. */
  migrateSlot(slot: number, from: RunningServer, to: RunningServer, middle?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<RunningCluster> {
  const nodes: RunningServer[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    while (nodes.length < 2 * MASTERS) nodes.push(await startNode());
    await form(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    nodes,
    startupNodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    masterOf: (slot) => masterOf(nodes, slot),
    migrateSlot: (slot, from, to, middle) => migrateSlot(nodes, slot, from, to, middle),
    stop,
  };
}

async function form(nodes: readonly RunningServer[]): Promise<void> {
  const ids = await Promise.all(nodes.map(async ({ port }) => String(await ask(port, 'CLUSTER', 'MYID'))));
  const share = Math.ceil(SLOTS / MASTERS);
  for (const [index, { port }] of nodes.entries()) {
    // Different epochs from the start: nodes need time to resolve equal ones.
    await ask(port, 'CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index < MASTERS) await ask(port, 'CLUSTER', 'ADDSLOTS', ...range(index * share, (index + 1) * share));
    // Every node meets every other: gossip would take seconds.
    for (const earlier of nodes.slice(0, index)) await ask(port, 'CLUSTER', 'MEET', '127.0.0.1', earlier.port);
  }
  await Promise.all(
    nodes.map(async ({ port }, index) => {
      await until('all nodes to know each other', async () => {
        const known = await nodesSeenBy(port);
        return ids.every((id) => known.some((node) => node.id === id));
      });
      if (index >= MASTERS) await ask(port, 'CLUSTER', 'REPLICATE', ids[index - MASTERS]!);
    }),
  );
  await until('the cluster to be whole', async () => (await Promise.all(nodes.map(isWhole))).every(Boolean));
}

async function isWhole({ port }: RunningServer, index: number): Promise<boolean> {
  const state = String(await ask(port, 'CLUSTER', 'INFO'));
  if (!state.includes('cluster_state:ok') || !state.includes(`cluster_slots_ok:${SLOTS}`)) return false;
  if ((await nodesSeenBy(port)).filter(({ isMaster }) => isMaster).length !== MASTERS) return false;
  const linked = index < MASTERS ? 'connected_slaves:1' : 'master_link_status:up';
  return String(await ask(port, 'INFO', 'replication')).includes(linked);
}

async function masterOf(nodes: readonly RunningServer[], slot: number): Promise<RunningServer> {
  let newest: { server: RunningServer; epoch: number } | undefined;
  await until(`a living master of slot ${slot}`, async () => {
    newest = undefined;
    const seen = await Promise.all(nodes.map(({ port }) => nodesSeenBy(port).catch(() => [])));
    for (const [index, server] of nodes.entries()) {
      // Only each node's view of itself counts: the others still list a dead one. The higher of two epochs wins.
      const own = seen[index]!.find(({ isMyself }) => isMyself);
      if (own === undefined || !own.isMaster || !own.owns(slot)) continue;
      if (newest === undefined || own.epoch > newest.epoch) newest = { server, epoch: own.epoch };
    }
    return newest !== undefined;
  });
  return newest!.server;
}

async function migrateSlot(
  nodes: readonly RunningServer[],
  slot: number,
  from: RunningServer,
  to: RunningServer,
  middle: () => Promise<void> = async () => {},
): Promise<void> {
  const [fromId, toId] = await Promise.all([idOf(from), idOf(to)]);
  await ask(to.port, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await ask(from.port, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  await middle();
  for (;;) {
    const keys = (await ask(from.port, 'CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
    if (keys.length === 0) break;
    await ask(from.port, 'MIGRATE', '127.0.0.1', to.port, '', 0, 1000, 'KEYS', ...keys);
  }
  // The new owner first: if the old one gave up the slot before, nobody would own it.
  const ordered = [to, from, ...nodes.filter((node) => node !== to && node !== from)];
  for (const { port } of ordered) {
    const isMaster = (await nodesSeenBy(port).catch(() => [])).some((node) => node.isMyself && node.isMaster);
    if (isMaster) await ask(port, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  }
}

async function idOf({ port }: RunningServer): Promise<string> {
  return String(await ask(port, 'CLUSTER', 'MYID'));
}

interface SeenNode {
  readonly id: string;
  readonly isMyself: boolean;
  readonly isMaster: boolean;
  readonly epoch: number;
  owns(slot: number): boolean;
}

async function nodesSeenBy(port: number): Promise<SeenNode[]> {
  const lines = String(await ask(port, 'CLUSTER', 'NODES'))
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [id = '', , flags = '', , , , epoch, , ...ranges] = line.split(' ');
    const owned = ranges.filter((part) => !part.startsWith('[')).map((part) => part.split('-').map(Number));
    return {
      id,
      isMyself: flags.includes('myself'),
      isMaster: flags.includes('master'),
      epoch: Number(epoch),
      owns: (slot) => owned.some(([first = Number.NaN, last = first]) => first <= slot && slot <= last),
    };
  });
}

const tried = new Set<number>();

async function startNode(): Promise<RunningServer> {
  while (tried.size < HIGHEST_PORT - LOWEST_PORT) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if (tried.has(port)) continue;
    tried.add(port);
    if (!(await isFree(port)) || !(await isFree(port + BUS_OFFSET))) continue;
    const server = await RunningServer.start({ port, args: NODE_ARGS });
    // Another process may have taken the port meanwhile, and its server would answer.
    const info = String(await ask(port, 'INFO', 'server').catch(() => ''));
    if (info.includes(`process_id:${server.pid}\r`)) return server;
    await server.stop();
  }
  throw new Error(`No port from ${LOWEST_PORT} to ${HIGHEST_PORT} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.min(end, SLOTS) - first }, (_, index) => first + index);
}
