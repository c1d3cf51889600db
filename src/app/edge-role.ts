import { randomBytes } from 'node:crypto';
import type { Config } from '../config/index.ts';
import type { Log, ServerCounters } from '../exchange/index.ts';
import { type TlsFailure, TlsIdentities, type TlsSettings } from '../net/index.ts';
import { HttpServer } from '../server/index.ts';
import { ReqClient, StreamClient } from '../zhttp-client/index.ts';
import { maxPacketBytes, reqLimits, streamLimits } from './edge-limits.ts';
import type { EdgeContext, EdgeLinks } from './edge-links.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** What an edge is made of. */
export interface EdgeRoleOptions extends EdgeContext {
  readonly edge: Config['edge'];
  /** Counts connections and requests. */
  readonly serverCounters: ServerCounters;
  readonly links: EdgeLinks;
  /** What the ids of sessions begin with: different in each process, and after each start. */
  readonly idPrefix: string;
  /** The share of the connections that this process may have. */
  readonly share: number;
}

/** Milliseconds by which sessions wait longer than connections. */
const STREAM_TIMEOUT_MARGIN = 1_000;

/** A prefix for session ids that no other process has, and no earlier start had. It contains no dot. */
export function newIdPrefix(): string {
  return randomBytes(5).toString('hex');
}

/**
 * For startup: checks the folder of certificates and the default ones, before anything is bound.
 * @throws Error that says what is missing and how to fix it
 */
export function checkIdentities(edge: Config['edge'], log: Log): void {
  for (const { tls } of edge.listen) if (tls !== null) identitiesOf(edge, tls.defaultCert, log).check();
}

function identitiesOf({ tlsIdentitiesDir }: Config['edge'], defaultName: string | null, log: Log): TlsIdentities {
  return new TlsIdentities({ folder: tlsIdentitiesDir || '.', defaultName, log });
}

/** The edge: client connections on one side, handlers on the other. */
export class EdgeRole {
  /** Where clients can connect. */
  readonly addresses: string[] = [];
  readonly #options: EdgeRoleOptions;
  readonly #servers: HttpServer[] = [];
  readonly #edges: (StreamClient | ReqClient)[] = [];

  constructor(options: EdgeRoleOptions) {
    this.#options = options;
  }

  /**
   * Opens the links to the handlers, and then listens.
   * @throws Error when an address or an endpoint cannot be used
   */
  async start(): Promise<void> {
    const { edge, links } = this.#options;
    const stream = this.#has('stream') ? this.#serve(this.#openStream(), streamLimits) : null;
    const req = this.#has('req') ? this.#serve(this.#openReq(), reqLimits) : null;
    await links.ready();
    for (const { address, mode, tls } of edge.listen) {
      const server = (mode === 'stream' ? stream : req) as HttpServer;
      const listener = await server.listen(address, tls === null ? undefined : this.#tlsSettings(tls.defaultCert));
      this.addresses.push(listener.address);
    }
  }

  #tlsSettings(defaultName: string | null): TlsSettings {
    const { edge, log, wheel, serverCounters } = this.#options;
    const identities = identitiesOf(edge, defaultName, log);
    const onFailure = (failure: TlsFailure) => {
      serverCounters.handshakesFailed++;
      if (failure.reason === 'internal') serverCounters.faults++;
      // Scanners cause failures all day. The operator needs to know only of an overload and of defects.
      const level = failure.reason === 'internal' ? 'error' : failure.reason === 'overload' ? 'warn' : 'debug';
      log[level]({ ...failure }, 'TLS handshake failed');
    };
    const { tlsHandshakeTimeout: handshakeTimeout, tlsMaxHandshakes: maxHandshakes } = edge;
    return { handshakeTimeout, maxHandshakes, identities, wheel, onFailure };
  }

  /** Takes no more connections, and lets open exchanges finish. */
  drain(): void {
    for (const server of this.#servers) server.drain();
  }

  async whenEmpty(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.whenEmpty()));
  }

  /** Cuts the exchanges that have not finished, and tells the handlers. */
  async stop(): Promise<void> {
    const stopped = this.#edges.map((edge) => edge.stop());
    for (const server of this.#servers) server.destroy();
    await Promise.all([this.whenEmpty(), ...stopped]);
  }

  #has(mode: 'stream' | 'req'): boolean {
    return this.#options.edge.listen.some((listener) => listener.mode === mode);
  }

  #serve(edge: StreamClient | ReqClient, limits: typeof streamLimits): HttpServer {
    const { edge: section, wheel, log, serverCounters: counters, share } = this.#options;
    const server = new HttpServer({
      service: edge.service,
      webSocketService: edge.webSocketService,
      limits: { current: limits(section, share) },
      compression: section.compression,
      autoPong: false,
      wheel,
      counters,
      log,
    });
    this.#edges.push(edge);
    this.#servers.push(server);
    return server;
  }

  #openStream(): StreamClient {
    const { edge, links, idPrefix } = this.#options;
    const options = {
      ...this.#shared,
      address: zhttpAddress(edge.id),
      idPrefix,
      initialCredits: edge.bufferSize,
      sessionTimeout: edge.sessionTimeout * 1000,
      // The server has the same timeout, and should act first: it knows whether the client or the handler is late.
      streamTimeout: edge.streamTimeout * 1000 + STREAM_TIMEOUT_MARGIN,
      routerResp: edge.routerResp,
    };
    return new StreamClient(options, (sink) => links.openStream(sink));
  }

  #openReq(): ReqClient {
    const { edge, links, idPrefix } = this.#options;
    const options = {
      ...this.#shared,
      idPrefix,
      maxBodyBytes: edge.bodyBufferSize,
      requestTimeout: edge.reqTimeout * 1000,
    };
    return new ReqClient(options, (sink) => links.openReq(sink));
  }

  get #shared() {
    const { edge, wheel, counters, log } = this.#options;
    const limits = { maxHeaders: edge.maxHeaders, maxPacketBytes: maxPacketBytes(edge) };
    return { limits, wheel, counters, log };
  }
}
