import { fanout } from './fanout.ts';
import type { Bench, Run } from './support/bench.ts';
import {
  DELIVERY_COLUMNS,
  type DeliveryPlan,
  deliveryPlan,
  gripPublishing,
  measureDeliveries,
  type Publishing,
  plainPublishing,
} from './support/deliveries.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { compare } from './support/rounds.ts';
import { startGripOrigin, startHoldfast, startNchan } from './support/servers.ts';

/** Deliveries of a turn. */
const DELIVERIES = 500_000;

/** What one delivery of a published item to a WebSocket costs. */
export const fanoutWs: Bench = {
  summary: 'CPU per delivery of a 100-byte item to WebSockets, against nginx with nchan',
  parts: { 1000: '1,000 WebSockets on one channel', 5000: '5,000 WebSockets on one channel' },
  options: {
    'in-flight': { help: 'items that may be on their way', default: 4, min: 1, max: 100 },
  },
  commands: fanout.commands,
  peers: fanout.peers,

  async run(run) {
    const { children, launcher } = run;
    const clients = Number(run.part);
    requireOpenFiles(clients);
    console.log('publish   one HTTP POST an item over one connection; the same load program for all');
    console.log('holdfast  WebSockets that an origin accepts over HTTP, and subscribes; ws-message items');
    console.log('nchan     nginx with 1 worker, WebSocket; it keeps 100 items');
    const origin = await startGripOrigin(children);
    const ours = planOf(run, clients, '/subscribe', gripPublishing('ws-message'));
    const theirs = planOf(run, clients, '/ws', plainPublishing('/publish'));
    const start = () => startHoldfast(children, launcher, origin, { target: 'over_http' });
    return compare({
      ...run,
      subjects: [
        { name: 'holdfast', turn: async () => measureDeliveries(run, await start(), ours) },
        { name: 'nchan', turn: async () => measureDeliveries(run, await startNchan(children), theirs) },
      ],
      columns: DELIVERY_COLUMNS,
      targets: [{ column: 'cpu', peer: 'nchan', atMost: 1 }],
    });
  },
};

function planOf({ option }: Run, clients: number, path: string, publishing: Publishing): DeliveryPlan {
  const items = Math.ceil(DELIVERIES / clients);
  const connect = { clients, transport: 'websocket', path } as const;
  return deliveryPlan(connect, { ...publishing, items, rate: 0, inFlight: option('in-flight') });
}
