import { existsSync } from 'node:fs';
import type { StreamLoad } from './programs/stream-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { nchanVersion, nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { compare, type Subject, type Turn } from './support/rounds.ts';
import { nchanModule, type Server, startBare, startGripOrigin, startHoldfast, startNchan } from './support/servers.ts';
import { cpuColumns, cpuFigures, measureCpu } from './support/usage.ts';

/** How an item is put into the body of a publish request. */
interface Publishing {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** What one delivery of a published item to a held stream costs, compared with the least possible and with nchan. */
export const fanout: Bench = {
  summary: 'CPU per delivery of a 100-byte item to held streams, against a bare socket.write loop and nginx with nchan',
  options: {
    clients: { help: 'streams that are held on the one channel', default: 5000, min: 1, max: 19_000 },
    items: {
      help: 'items published in a turn; 0 for half a million deliveries, or 5 s at --rate',
      default: 0,
      min: 0,
      max: 10_000_000,
    },
    rate: { help: 'items a second; 0 for back to back', default: 0, min: 0, max: 100_000 },
    'in-flight': { help: 'items that may be on their way when publishing back to back', default: 4, min: 1, max: 100 },
  },
  commands: ['nginx'],
  peers() {
    if (!existsSync(nchanModule())) throw new Error(`${nchanModule()} is missing: install libnginx-mod-nchan`);
    return [nginxVersion(), nchanVersion()];
  },

  async run(run) {
    requireOpenFiles(run.option('clients'));
    const { children, launcher } = run;
    const [clients, rate, inFlight] = [run.option('clients'), run.option('rate'), run.option('in-flight')];
    const items = run.option('items') || (rate > 0 ? rate * 5 : Math.ceil(500_000 / clients));
    const pace = rate > 0 ? `${rate} items/s` : `back to back, at most ${inFlight} items on their way`;
    console.log(
      `load      ${clients} streams on one channel, ${items} items of 100 bytes, ${pace}, after ${warmUp(items)} of warm-up`,
    );
    console.log('publish   one HTTP POST an item over one connection; the same load program for all');
    console.log('holdfast  Grip-Hold: stream by an origin; content "data: ITEM\\n\\n"');
    console.log(
      'bare      Node, a loop of socket.write with one Buffer of "data: ITEM\\n\\n" as a chunk; no HTTP parser, no channels, no timeouts',
    );
    console.log('nchan     nginx with 1 worker, EventSource; it adds "id: …" to each item and keeps 100 items');

    const origin = await startGripOrigin();
    const subject = (name: string, start: () => Promise<Server>, publishing: Publishing): Subject => ({
      name,
      turn: async () => measure(run, await start(), publishing, { clients, items, rate, inFlight }),
    });
    const verdict = await compare({
      rounds: run.rounds,
      starts: run.starts,
      subjects: [
        subject('holdfast', () => startHoldfast(children, launcher, origin.port), {
          path: '/publish/',
          before: '{"items":[{"channel":"bench","formats":{"http-stream":{"content":"data: ',
          after: '\\n\\n"}}}]}',
        }),
        subject('bare', () => startBare(children), { path: '/', before: 'data: ', after: '\n\n' }),
        subject('nchan', () => startNchan(children), { path: '/publish', before: '', after: '' }),
      ],
      columns: [
        ...cpuColumns('delivery'),
        { key: 'rate', title: 'deliveries/s', digits: 0 },
        { key: 'p50', title: 'p50 ms', digits: 1 },
        { key: 'p99', title: 'p99 ms', digits: 1 },
        { key: 'bytes', title: 'wire bytes/delivery', digits: 1 },
        { key: 'busy', title: 'core used %', digits: 0 },
      ],
      targets: [
        { column: 'cpu', peer: 'bare', atMost: 1.15 },
        { column: 'cpu', peer: 'nchan', atMost: 0.9 },
      ],
    });
    origin.close();
    return verdict;
  },
};

interface Plan {
  readonly clients: number;
  readonly items: number;
  readonly rate: number;
  readonly inFlight: number;
}

async function measure({ children }: Run, server: Server, publishing: Publishing, plan: Plan): Promise<Turn> {
  const load = startProgram<StreamLoad>(children, 'load', 'stream-load');
  await load.call('connect', { port: server.port, clients: plan.clients, transport: 'stream' });
  const options = { port: server.publishPort, transport: 'stream' as const, ...publishing, ...plan };
  const { pid } = server.child;
  const warmed = await measureCpu(pid, () => load.call('publish', { ...options, items: warmUp(plan.items) }));
  const counted = await measureCpu(pid, () => load.call('publish', options));
  const warm = warmed.result;
  const { result, cpuSeconds, wallSeconds } = counted;
  await load.child.stop();
  await server.child.stop();

  const problems: string[] = [];
  if (warm.incomplete > 0) problems.push(`${warm.incomplete} clients missed items of the warm-up`);
  if (result.incomplete > 0) {
    problems.push(
      `${result.incomplete} clients have not got every item once; ${result.delivered} deliveries of ${plan.items * plan.clients}`,
    );
  }
  if (result.closed > 0) problems.push(`${result.closed} streams were ended by the server`);
  return {
    figures: {
      ...cpuFigures(counted, result.delivered, warmed, warm.delivered),
      rate: result.delivered / result.seconds,
      p50: result.p50,
      p99: result.p99,
      bytes: result.bytes / result.delivered,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems,
  };
}

function warmUp(items: number): number {
  return Math.ceil(items / 5);
}
