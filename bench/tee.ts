import type { EventLoad } from './programs/event-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { startProgram } from './support/program.ts';
import { compare, type Turn } from './support/rounds.ts';
import { startHoldfast } from './support/servers.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu } from './support/usage.ts';

/** A fifth as many events are sent before those that count, while code is being compiled, or as many as fill the logs: what follows is what lasts. */
const WARM_UP_SHARE = 5;
/** Bytes of a log, by default. */
const LOG_BYTES = 4_194_304;

/** What it costs to keep an event stream for clients that come back. */
export const tee: Bench = {
  summary: 'CPU per event of streams that can be resumed, against the same route without',
  options: {
    streams: { help: 'streams that are open at the same time', default: 50, min: 1, max: 10_000 },
    events: { help: 'events on each stream', default: 5_000, min: 1, max: 10_000_000 },
    bytes: { help: 'length of an event', default: 1_024, min: 32, max: 1_000_000 },
    'in-flight': { help: 'events of a stream that may be on their way', default: 1, min: 1, max: 1_000 },
  },
  commands: [],
  peers: () => [],

  run(run) {
    console.log('load      the origin and the clients in one process; each event is a write of its own');
    console.log('resume    [route.resume] with its defaults: a log of 4 MiB for each stream');
    console.log('plain     the same route without the table');
    return compare({
      ...run,
      subjects: [
        { name: 'resume', turn: () => measure(run, '[route.resume]') },
        { name: 'plain', turn: () => measure(run, '') },
      ],
      columns: [
        ...cpuColumns('event'),
        { key: 'rate', title: 'events/s', digits: 0 },
        { key: 'bytes', title: 'wire bytes/event', digits: 1 },
        BUSY_COLUMN,
      ],
      targets: [{ column: 'cpu', peer: 'plain', atMost: 1.3 }],
    });
  },
};

async function measure({ children, launcher, option }: Run, tables: string): Promise<Turn> {
  const [count, events, inFlight] = [option('streams'), option('events'), option('in-flight')];
  const load = startProgram<EventLoad>(children, 'load', 'event-load');
  const server = await startHoldfast(children, launcher, await load.call('listen', option('bytes')), { tables });
  await load.call('connect', { port: server.port, streams: count });
  const send = (each: number) => measureCpu(server.child.pid, () => load.call('send', { events: each, inFlight }));
  const warmed = await send(Math.ceil(Math.max(events / WARM_UP_SHARE, LOG_BYTES / option('bytes'))));
  const counted = await send(events);
  await load.child.stop();
  await server.child.stop();
  const { result, cpuSeconds, wallSeconds } = counted;
  const problems: string[] = [];
  const incomplete = warmed.result.incomplete + result.incomplete;
  if (incomplete > 0) problems.push(`${incomplete} times a stream missed events`);
  if (result.closed > 0) problems.push(`${result.closed} streams were ended by the server`);
  return {
    figures: {
      ...cpuFigures(counted, result.delivered, warmed, warmed.result.delivered),
      rate: result.delivered / result.seconds,
      bytes: result.bytes / result.delivered,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems,
  };
}
