import type { TimerWheel } from '../clock/index.ts';
import { isLoopback } from '../codec/http1/index.ts';
import type { ListenAddress } from '../config/index.ts';
import {
  ControlApi,
  controlErrorText,
  hasCredentials,
  type Operation,
  type Publisher,
  publishService,
  type Sessions,
} from '../control/index.ts';
import {
  type ControlCounters,
  type Current,
  type ExchangeObserver,
  type Holder,
  type Log,
  type Service,
  textResponse,
} from '../exchange/index.ts';
import { HttpServer } from '../server/index.ts';
import { packageVersion } from './package-version.ts';
import type { Snapshot } from './snapshot.ts';

/** What the control port is made of. */
export interface ControlRoleOptions {
  readonly snapshots: Holder<Snapshot>;
  /** Null where there is no hub. */
  readonly publisher: Publisher | null;
  readonly metrics: Service;
  /** The dashboard. */
  readonly pages: Service;
  readonly operations: readonly Operation[];
  /** Of those who have logged in. */
  readonly sessions: Sessions;
  readonly counters: ControlCounters;
  /** Is told of each exchange at its end. */
  readonly observer: Current<ExchangeObserver | null>;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/**
 * The control port. Unix sockets and TCP ports are two servers, so that nobody on the network can take the places of those who come over the
 * socket; and whoever comes over the socket may do everything.
 */
export class ControlRole {
  /** Where it can be reached. */
  readonly addresses: string[] = [];
  readonly #options: ControlRoleOptions;
  readonly #api: ControlApi;
  readonly #tcp: HttpServer;
  readonly #unix: HttpServer;

  constructor(options: ControlRoleOptions) {
    const { snapshots, publisher, metrics, pages, operations, sessions, counters, log } = options;
    this.#options = options;
    const settings = snapshots.part(({ config }) => config.control);
    this.#api = new ControlApi({
      operations,
      version: packageVersion(),
      publish: publishService(publisher, { settings, counters, log, metrics }),
      pages,
      rules: snapshots.part(({ access }) => access),
      settings,
      sessions,
      counters,
      log,
    });
    this.#tcp = this.#server(this.#api.service(false));
    this.#unix = this.#server(this.#api.service(true));
  }

  /** @throws Error when an address cannot be bound */
  async listen(addresses: readonly ListenAddress[]): Promise<void> {
    for (const address of addresses) {
      const server = address.kind === 'unix' ? this.#unix : this.#tcp;
      // Who may connect may do everything: without a mode that is the owner alone.
      const own = address.kind === 'unix' && address.mode === null ? { ...address, mode: 0o600 } : address;
      this.addresses.push((await server.listen(own)).address);
      this.#warnOfOpen(address);
    }
  }

  /** Another process accepts: publishers go on, and streams of events end, to begin again there. */
  retire(): void {
    for (const server of this.#servers) server.retire();
    this.#api.drain();
  }

  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void {
    for (const server of this.#servers) server.dismiss(time);
  }

  /** Lets nobody publish any more. What is being published is still taken. */
  refusePublishing(): void {
    this.#api.refusePublishing();
  }

  /** Takes no more connections, and lets requests in flight finish. Streams of events end. */
  drain(): void {
    this.#api.drain();
    for (const server of this.#servers) server.drain();
  }

  async whenEmpty(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.whenEmpty()));
  }

  /** Cuts off what is still open. */
  destroy(): void {
    for (const server of this.#servers) server.destroy();
  }

  get #servers(): readonly HttpServer[] {
    return [this.#tcp, this.#unix];
  }

  #server(service: Service): HttpServer {
    const { wheel, log, counters, snapshots, observer } = this.#options;
    return new HttpServer({
      wheel,
      log,
      counters,
      observer,
      service,
      endsUnheard: true,
      limits: snapshots.part(({ controlServer }) => controlServer),
      describeError: (error) => {
        const { status, text } = controlErrorText(error);
        return textResponse(status, text);
      },
    });
  }

  #warnOfOpen(address: ListenAddress): void {
    const { log, snapshots } = this.#options;
    if (address.kind === 'unix' || hasCredentials(snapshots.current.access)) return;
    if (address.host !== null && isLoopback(address.host)) return;
    log.warn(
      { address: this.addresses.at(-1) },
      'anybody who reaches the control port can publish: set bearer_key or basic under [control]',
    );
  }
}
