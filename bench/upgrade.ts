import { setTimeout as delay } from 'node:timers/promises';
import type { StreamLoad } from './programs/stream-load.ts';
import type { Bench, Run } from './support/bench.ts';
import type { Child } from './support/children.ts';
import { gripPublishing } from './support/deliveries.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { type Column, compare, type Turn } from './support/rounds.ts';
import { startGripOrigin, startHoldfast } from './support/servers.ts';

/** Seconds of items before the upgrade, while code is being compiled. */
const WARM_UP_SECONDS = 3;
/** Milliseconds between two looks at the log. */
const POLL_MS = 20;

/** How long held clients wait for an item while the process that holds them is replaced. */
export const upgrade: Bench = {
  summary: 'the longest that a held stream waits for an item while it moves to the new process of an upgrade',
  options: {
    clients: { help: 'streams that are held on the one channel', default: 10_000, min: 1, max: 19_000 },
    rate: { help: 'items a second', default: 5, min: 1, max: 1_000 },
    seconds: { help: 'how long items are published; the upgrade begins with them', default: 15, min: 5, max: 600 },
    workers: { help: 'worker processes, before and after', default: 1, min: 1, max: 64 },
  },
  commands: [],
  peers: () => [],

  async run(run) {
    requireOpenFiles(run.option('clients'));
    console.log(`publish   ${run.option('rate')} items/s, one HTTP POST an item, at the old process while it runs`);
    const origin = await startGripOrigin(run.children);
    return compare({
      ...run,
      subjects: [
        { name: 'upgrade', turn: () => turnOf(run, origin, true) },
        { name: 'none', turn: () => turnOf(run, origin, false) },
      ],
      columns: COLUMNS,
      targets: [{ column: 'longest', peer: null, atMost: 1_000 }],
    });
  },
};

const COLUMNS: readonly Column[] = [
  { key: 'longest', title: 'longest wait ms', digits: 0 },
  { key: 'p99', title: 'p99 ms', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 0 },
  { key: 'moved', title: 'clients moved', digits: 0 },
  { key: 'seconds', title: 'upgrade s', digits: 1 },
];

async function turnOf(run: Run, origin: number, upgrades: boolean): Promise<Turn> {
  const { children, launcher, option } = run;
  const [clients, rate, workers] = [option('clients'), option('rate'), option('workers')];
  const server = await startHoldfast(children, launcher, origin, { workers, logLevel: 'info' });
  const load = startProgram<StreamLoad>(children, 'load', 'stream-load');
  await load.call('connect', { ports: [server.port], clients, transport: 'stream', path: '/stream', sampled: clients });
  const publish = (seconds: number) =>
    load.call('publish', {
      ...gripPublishing('http-stream'),
      port: server.publishPort,
      transport: 'http',
      receivers: 'all',
      batch: 1,
      rate,
      inFlight: 0,
      items: rate * seconds,
    });
  await publish(WARM_UP_SECONDS);
  const published = publish(option('seconds'));
  const moves = upgrades ? await upgraded(server.child) : { moved: 0, seconds: 0 };
  const { incomplete, closed, longest, p50, p99 } = await published;
  await load.child.stop();
  await server.child.stop();
  const problems: string[] = [];
  if (incomplete > 0) problems.push(`${incomplete} clients have not got every item once`);
  if (closed > 0) problems.push(`${closed} clients were disconnected`);
  if (upgrades && moves.moved < clients) problems.push(`only ${moves.moved} clients have moved`);
  return { figures: { longest, p99, p50, ...moves }, problems };
}

/** Upgrades a server. Settles when the new process has taken over. */
async function upgraded(child: Child): Promise<{ readonly moved: number; readonly seconds: number }> {
  const start = performance.now();
  process.kill(child.pid, 'SIGUSR2');
  const { pid } = await logged(child, 'upgrade: new process has taken over');
  child.replacedBy(Number(pid));
  const { moved } = await logged(child, 'clients moved to the new process');
  return { moved: Number(moved), seconds: (performance.now() - start) / 1_000 };
}

/** The line of a server's log with this message, once it is there. */
async function logged(child: Child, message: string): Promise<Record<string, unknown>> {
  for (;;) {
    const line = child
      .output()
      .split('\n')
      .find((each) => each.includes(`"${message}"`));
    if (line !== undefined) return JSON.parse(line);
    await delay(POLL_MS);
  }
}
