// The program of a process that serves connections of the edge, when there are several: the main process starts it, and has the
// ZeroMQ endpoints.

import { TimerWheel } from '../clock/index.ts';
import { Counters } from '../exchange/index.ts';
import { BridgeCounters } from '../zhttp/index.ts';
import { type HandlerLink, RelayedLink } from '../zhttp-client/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import type { EdgeLinks } from './edge-links.ts';
import type { WorkerOrder, WorkerReport } from './edge-messages.ts';
import { EdgeRole, newIdPrefix } from './edge-role.ts';
import { createLog } from './logger.ts';

let role: EdgeRole | null = null;

// The whole group gets the terminal's and the service manager's signals: when to stop is for the main process to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Without the main process there are no handlers.
process.on('disconnect', () => process.exit(1));
process.on('message', (order: WorkerOrder) => {
  switch (order.order) {
    case 'start':
      void start(order);
      break;
    case 'drain':
      role?.drain();
      void role?.whenEmpty().then(() => tell({ report: 'empty' }));
      break;
    case 'stop':
      void stop();
  }
});

tell({ report: 'ready' });

async function start({ edge, logLevel, relays }: WorkerOrder & { order: 'start' }): Promise<void> {
  const shared = {
    wheel: new TimerWheel(),
    counters: new BridgeCounters(),
    zmqCounters: new ZmqCounters(),
    log: createLog(logLevel),
  };
  const idPrefix = newIdPrefix();
  const context = { ...shared, counters: shared.zmqCounters };
  const links: EdgeLinks = {
    openStream: (sink) => new RelayedLink(context, idPrefix, relays.stream, sink),
    // In req mode nothing is routed, so nothing is lost on the way.
    openReq: (sink): HandlerLink =>
      new RelayedLink(context, idPrefix, relays.req, {
        onPacket: (payload) => sink.onPacket(payload),
        onRefused: (id) => sink.onRefused(id),
        onReady: () => {},
        onLost: () => {},
      }),
    ready: () => Promise.resolve(),
  };
  const serverCounters = new Counters();
  const started = new EdgeRole({ ...shared, edge, serverCounters, links, idPrefix, share: 1 / edge.workers });
  try {
    await started.start();
  } catch (error) {
    tell({ report: 'failed', reason: error instanceof Error ? error.message : String(error) });
    return;
  }
  role = started;
  tell({ report: 'listening', addresses: started.addresses });
  process.on('exit', () => {
    shared.log.info({ counters: { server: serverCounters, bridge: shared.counters } }, 'worker stopped');
  });
}

async function stop(): Promise<void> {
  await role?.stop();
  process.exit(0);
}

function tell(report: WorkerReport): void {
  process.send?.(report);
}
