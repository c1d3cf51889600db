import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { ConnectionOptions, MsgHdrs, NatsConnection, Subscription, TlsOptions } from '@nats-io/transport-node';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { attempt, type Guarded } from '../clock/index.ts';
import { LEAST_COST, LineRate, type Log } from '../exchange/index.ts';
import { BrokerError } from './broker-error.ts';
import { connectFailure } from './connect-failure.ts';
import { GatheredMessages } from './gathered-messages.ts';
import { identityCheck } from './identity-check.ts';
import { keepErrorsHandled } from './keep-errors-handled.ts';

/** The credentials of a node: a user, a token, or the content of a file. Empty: none. */
export interface BrokerAccess {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly credentials?: Uint8Array;
}

/** How a node reaches the broker. */
export interface BrokerOptions {
  /** URLs, `nats://HOST:PORT` or `tls://HOST:PORT`. */
  readonly servers: readonly string[];
  /** Name of the node, which the broker shows. */
  readonly name: string;
  readonly access: BrokerAccess;
  /** Null: TLS as the system has it, where the broker offers it. */
  readonly tls: TlsOptions | null;
  readonly log: Log;
  /** What publishers get while the broker is away, for the log: they are refused, or reach the clients of this node alone. Default: `refuse` */
  readonly onPartition?: 'refuse' | 'local';
  /** Ends waiting for a broker that is not there yet, or keeps nothing yet. */
  readonly abandon?: AbortSignal | null;
}

/** Hears whether the broker is there. */
export interface BrokerWatcher {
  /** The broker is there again. What was published meanwhile has not come. */
  onUp(): void;
  onDown(): void;
  /** The broker has confirmed some of what was published: `Broker.pending` is lower. Default: nothing. */
  onTaken?(): void;
}

/** A message that came by a subscription. */
export interface BrokerMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs;
  readonly reply?: string;
}

/** Milliseconds until a node tries to connect again: from the first to the sum of both, so that nodes do not come back at once. */
const RECONNECT_MS = 200;
const SPREAD_MS = 1_800;

/** Milliseconds between two pings. When two have no answer the connection is lost. */
const PING_MS = 5_000;

/** Milliseconds that a server has to accept a connection. */
const CONNECT_MS = 5_000;

/** Milliseconds for which a node that starts waits for a broker. */
export const PATIENCE_MS = 30_000;

/** Milliseconds from one try to the next. */
const AGAIN_MS = 500;

/**
 * Bytes that a node has published or subscribed with and the broker has not confirmed, each message costing at least 256. Beyond it the node connects again: a broker that takes nothing is away.
 * Publishers wait long before that.
 * @bound cluster-untaken
 */
export const MAX_UNTAKEN = 33_554_432;

/** What a server says that takes no more subscriptions. */
const NO_MORE = /maximum .*subscriptions exceeded/i;

/** What that means, for operators. */
const NO_MORE_MEANS = 'the broker takes no more subscriptions (max_subscriptions): clients miss what is published';

/** Bytes after which the broker is asked whether it has taken what was published. */
const ASK_BYTES = 65_536;

/** The connection of a node to a NATS server, or to several that are one cluster. It is made again whenever it ends. */
export class Broker implements Guarded {
  /** The connection itself, for the libraries of NATS. */
  readonly connection: NatsConnection;
  /** Ends waiting for what the broker does not give yet. */
  readonly abandon: AbortSignal | null;
  readonly #log: Log;
  /** What becomes of publishers while the broker is away. */
  readonly #publishers: string;
  readonly #errorLines = new LineRate();
  readonly #watchers: BrokerWatcher[] = [];
  #up = true;
  /** Whether watchers were told that it is not there. */
  #away = false;
  /** How often it was away. */
  #times = 0;
  #closed = false;
  /** Whether the server has refused a subscription since the node connected to it. */
  #refuses = false;
  /** Bytes that the broker has not confirmed. */
  #untaken = 0;
  #unasked = 0;
  readonly #gathered = new GatheredMessages((subject, data) => this.connection.publish(subject, data), this);

  private constructor(connection: NatsConnection, { log, abandon = null, onPartition }: BrokerOptions) {
    this.connection = connection;
    this.abandon = abandon;
    this.#log = log;
    this.#publishers = onPartition === 'local' ? 'reach the clients of this node' : 'are refused';
    this.#keepErrorsHandled();
    this.#watch().catch((thrown: unknown) => this.onFault(thrown));
  }

  /**
   * Connects. A broker that is not there yet is tried again for 30 s.
   * @throws BrokerError when no server is there by then, or none takes the credentials
   */
  static async connect(options: BrokerOptions, patience = PATIENCE_MS): Promise<Broker> {
    const { servers, name, access, tls, log, abandon = null } = options;
    const ends = performance.now() + patience;
    const reasons = new Set<string>();
    for (;;) {
      try {
        const settings = {
          ...optionsOf(access),
          ...(tls !== null && { tls: { ...tls, ...identityCheck(servers) } }),
          servers: [...servers],
          name,
          // A node has delivered its own items already.
          noEcho: true,
          timeout: CONNECT_MS,
          maxReconnectAttempts: -1,
          reconnectDelayHandler: () => RECONNECT_MS + Math.random() * SPREAD_MS,
          pingInterval: PING_MS,
          maxPingOut: 2,
          ignoreAuthErrorAbort: true,
        };
        // Servers of a cluster announce each other, and the library tries all of them for ever, silently, even if they refuse this node. So it is first tried whether the configured ones take it.
        await (await connect({ ...settings, ignoreClusterUpdates: true })).close();
        return new Broker(await connect(settings), options);
      } catch (error) {
        const { reason, mayPass } = connectFailure(error, Object.keys(access).length > 0);
        if (reasons.size === 0 && mayPass) log.warn({ servers, reason }, 'broker is not there yet: trying again');
        reasons.add(reason);
        if (!mayPass || performance.now() >= ends || abandon?.aborted)
          throw new BrokerError([...reasons].join('; '), servers);
        await setTimeout(AGAIN_MS, null, { ...(abandon && { signal: abandon }) }).catch(() => {});
      }
    }
  }

  /** Whether the broker is there. */
  get up(): boolean {
    return this.#up;
  }

  /** What is wrong at a server that is there; null if nothing is. */
  get degraded(): string | null {
    return this.#refuses ? NO_MORE_MEANS : null;
  }

  /** The server that is used, `HOST:PORT`. */
  get server(): string {
    return this.connection.getServer();
  }

  /** Bytes that were published and the broker has not confirmed. Publishers wait while there are too many. */
  get pending(): number {
    return this.#untaken;
  }

  /** Bytes of a message at most. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1_048_576;
  }

  watch(watcher: BrokerWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Publishes a message, if the broker is there. Returns whether it is. @param reply subject for the answer; empty for none */
  publish(subject: string, data: Uint8Array, options: { reply?: string; headers?: MsgHdrs } = {}): boolean {
    if (!this.#up) return false;
    this.#gathered.flush();
    this.connection.publish(subject, data, options);
    this.#count(data.length);
    return true;
  }

  /** As `publish`, for a message that may wait a millisecond for others, so that they leave together. What is published or subscribed to later does not overtake it. */
  publishSoon(subject: string, data: Uint8Array): boolean {
    if (!this.#up) return false;
    this.#gathered.add(subject, data);
    this.#count(data.length);
    return true;
  }

  /** @param onMessage guarded by whoever subscribes */
  subscribe(subject: string, onMessage: (message: BrokerMessage) => void): Subscription {
    this.#gathered.flush();
    if (this.#up) this.#count(subject.length);
    return this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) onMessage(message);
      },
    });
  }

  /** Resolves when the broker has taken all that was published and subscribed to, or has gone away. */
  async flushed(): Promise<void> {
    this.#gathered.flush();
    await this.connection.flush().catch(() => {});
  }

  async close(): Promise<void> {
    this.#gathered.flush();
    this.#closed = true;
    this.#up = false;
    await this.connection.close();
  }

  onFault(thrown: unknown): void {
    this.#log.error({ error: String(thrown) }, 'internal error');
  }

  #count(bytes: number): void {
    const cost = Math.max(LEAST_COST, bytes);
    this.#untaken += cost;
    this.#unasked += cost;
    if (this.#untaken > MAX_UNTAKEN) {
      this.#log.warn({ bytes: this.#untaken }, 'broker takes nothing: connecting again');
      this.#cut();
    } else if (this.#unasked >= ASK_BYTES) {
      this.#ask();
    }
  }

  /** Ends the connection to a broker that takes nothing. What waits for it is dropped: the library would first wait until it is written. */
  #cut(): void {
    this.#up = false;
    this.#gathered.clear();
    this.#transport.close(new Error('the broker takes nothing')).catch((thrown: unknown) => this.onFault(thrown));
  }

  #down(server: string): void {
    if (this.#away) return;
    this.#away = true;
    this.#up = false;
    this.#gathered.clear();
    this.#times++;
    this.#untaken = 0;
    this.#unasked = 0;
    this.#log.warn({ server, publishers: this.#publishers }, 'broker is away: clients stay');
    for (const watcher of this.#watchers) attempt(this, () => watcher.onDown());
  }

  #ask(): void {
    const asked = this.#unasked;
    const times = this.#times;
    this.#unasked = 0;
    this.#gathered.flush();
    const taken = (): void => {
      if (times !== this.#times) return;
      this.#untaken -= asked;
      for (const watcher of this.#watchers) attempt(this, () => watcher.onTaken?.());
    };
    // If the connection is lost meanwhile, so is what was published.
    this.connection.flush().then(taken, () => {});
  }

  get #transport(): Inner['protocol']['transport'] {
    return (this.connection as NatsConnection & Inner).protocol.transport;
  }

  #keepErrorsHandled(): void {
    const { socket } = this.#transport;
    if (socket !== undefined) keepErrorsHandled(socket);
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (this.#closed) return;
      if (status.type === 'reconnect') this.#keepErrorsHandled();
      if (status.type === 'disconnect') {
        this.#down(status.server);
      } else if (status.type === 'staleConnection') {
        this.#cut();
      } else if (status.type === 'reconnect' && this.#away) {
        this.#away = false;
        this.#up = true;
        this.#refuses = false;
        this.#log.info({ server: status.server }, 'broker is back');
        for (const watcher of this.#watchers) attempt(this, () => watcher.onUp());
      } else if (status.type === 'error') {
        this.#refuses ||= NO_MORE.test(status.error.message);
        // It reports one for each message that this node may not publish.
        this.#errorLines.write(this.#log, 'warn', { error: status.error.message }, 'broker reports an error');
      }
    }
  }
}

/** A part of the connection that the types of the library do not show. */
interface Inner {
  readonly protocol: { readonly transport: { readonly socket?: Socket; close(error: Error): Promise<void> } };
}

function optionsOf({ user, password, token, credentials }: BrokerAccess): ConnectionOptions {
  if (credentials !== undefined) return { authenticator: credsAuthenticator(credentials) };
  if (token !== undefined) return { token };
  return user === undefined ? {} : { user, pass: password ?? '' };
}
