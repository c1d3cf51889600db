import type { Socket } from 'node:net';
import { TimerWheel } from '../clock/index.ts';
import { CounterRegistry, type CounterSnapshot, ServerCounters } from '../exchange/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import { type HandlerLinkSink, RelayedLink } from '../zhttp-client/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import type { AccessLogs } from './access-logs.ts';
import { Certificates, type PreparedCertificates } from './certificates.ts';
import type { ChangePart } from './change-parts.ts';
import { type EdgeContext, type EdgeLinks, ZmqEdgeLinks } from './edge-links.ts';
import { EdgeRole } from './edge-role.ts';
import type { ProcessLog } from './logger.ts';
import { PreparedParts } from './prepared-parts.ts';
import { checkIdentities } from './tls-listener.ts';
import { Traces } from './traces.ts';
import type { EdgeJob } from './worker-messages.ts';
import type { WorkerRole } from './worker-role.ts';

/** The edge in one of several processes. */
export class EdgeWorker implements WorkerRole {
  readonly #registry = new CounterRegistry();
  readonly #traces: Traces;
  readonly #role: EdgeRole;
  readonly #edge: EdgeJob['edge'];
  readonly #log: ProcessLog;
  readonly #certificates: Certificates;
  readonly #accessLog: AccessLogs;

  /** @param channels to the relays of the main process, one for each of `job.relayed` */
  constructor(job: EdgeJob, channels: readonly Socket[], log: ProcessLog, accessLog: AccessLogs) {
    const { edge, idPrefix } = job;
    this.#edge = edge;
    this.#log = log;
    this.#certificates = new Certificates(job.certificates);
    const serverCounters = new ServerCounters();
    const counters = new SessionCounters();
    const zmqCounters = new ZmqCounters();
    this.#registry.add('edge.server', serverCounters);
    this.#registry.add('edge.zhttp', counters);
    this.#registry.add('edge.zmq', zmqCounters);
    this.#registry.add('log', log.counters);
    this.#registry.add('access', accessLog.counters);
    this.#accessLog = accessLog;
    const observer = accessLog.observers.of('edge');
    const certificates = this.#certificates;
    const shared = { wheel: new TimerWheel(), log, counters, zmqCounters };
    this.#traces = new Traces({ ...shared, trace: job.trace });
    this.#traces.register(this.#registry);
    const tracing = this.#traces.of('server');
    const links = channels.length > 0 ? relayedLinks(job, channels, shared) : new ZmqEdgeLinks(edge, shared);
    const own = { edge, serverCounters, links, idPrefix, observer, tracing, certificates };
    this.#role = new EdgeRole({ ...shared, ...own, share: 1 / edge.workers });
  }

  /** @throws Error when an address cannot be bound or a certificate is missing: a replacement may start when files have gone */
  async start(): Promise<readonly string[]> {
    checkIdentities(this.#edge, this.#log);
    await this.#role.start();
    return this.#role.addresses;
  }

  retire(): void {
    this.#role.retire();
  }

  dismiss(time: number): void {
    this.#role.dismiss(time);
  }

  async prepareChange(parts: readonly ChangePart[]): Promise<PreparedCertificates> {
    const [part] = parts;
    if (part?.kind !== 'edge') throw new Error('a worker of the edge has another section to change');
    const prepared = new PreparedParts();
    await prepared.add(() => this.#accessLog.prepare(part.accessLog));
    const { changes } = await prepared.add(() => this.#certificates.prepare(part.certificates));
    return {
      changes,
      commit: () => {
        prepared.commit();
        this.#role.use(part.edge);
        this.#traces.use(part.trace);
        this.#log.setLevel(part.logLevel);
      },
      discard: () => prepared.discard(),
    };
  }

  drain(): void {
    this.#role.drain();
  }

  whenEmpty(): Promise<void> {
    return this.#role.whenEmpty();
  }

  async stop(): Promise<void> {
    await this.#role.stop();
    await this.#traces.close();
  }

  get counters(): CounterSnapshot {
    return this.#registry.snapshot();
  }
}

function relayedLinks(
  { relayed, edge }: EdgeJob,
  channels: readonly Socket[],
  { wheel, zmqCounters, counters, log }: EdgeContext,
): EdgeLinks {
  const context = { wheel, counters: zmqCounters, log };
  const opened: RelayedLink[] = [];
  const open = (mode: 'stream' | 'req', sink: HandlerLinkSink): RelayedLink => {
    const channel = channels[relayed.indexOf(mode)] as Socket;
    const link = new RelayedLink(context, channel, sink, edge.workers, counters);
    opened.push(link);
    return link;
  };
  return {
    openStream: (sink) => open('stream', sink),
    openReq: (sink) => open('req', sink),
    // Clients are accepted only once there is a way to the handlers.
    ready: async () => {
      await Promise.all(opened.map((link) => link.ready()));
    },
  };
}
