import type { ConnectionOptions, MsgHdrs, NatsConnection, Subscription, TlsOptions } from '@nats-io/transport-node';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { attempt, type Guarded } from '../clock/index.ts';
import type { Log } from '../exchange/index.ts';
import { BrokerError } from './broker-error.ts';

/** Who a node is to the broker: a user, a token, or the content of a file with credentials. Empty: nobody. */
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
  /** Null: TLS only where the broker wants it. */
  readonly tls: TlsOptions | null;
  readonly log: Log;
}

/** Hears whether the broker is there. */
export interface BrokerWatcher {
  /** The broker is there again. What was published meanwhile has not come. */
  onUp(): void;
  onDown(): void;
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

/** Milliseconds within which the broker has to answer a ping, twice. */
const PING_MS = 5_000;

/** Bytes after which the broker is asked whether it has taken what was published. */
const ASK_BYTES = 65_536;

/** The connection of a node to a NATS server, or to several that are one cluster. It is made again whenever it ends. */
export class Broker implements Guarded {
  /** For the libraries of NATS. */
  readonly connection: NatsConnection;
  readonly #log: Log;
  readonly #watchers: BrokerWatcher[] = [];
  #up = true;
  #closed = false;
  /** Bytes that the broker has not said it has taken. */
  #untaken = 0;
  #unasked = 0;

  private constructor(connection: NatsConnection, log: Log) {
    this.connection = connection;
    this.#log = log;
    void this.#watch();
  }

  /** Connects. @throws BrokerError when no server is there, or none takes the credentials */
  static async connect({ servers, name, access, tls, log }: BrokerOptions): Promise<Broker> {
    try {
      const connection = await connect({
        ...optionsOf(access),
        servers: [...servers],
        name,
        tls,
        // A node has delivered its own items already.
        noEcho: true,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => RECONNECT_MS + Math.random() * SPREAD_MS,
        pingInterval: PING_MS,
        maxPingOut: 2,
        ignoreAuthErrorAbort: true,
      });
      return new Broker(connection, log);
    } catch (error) {
      throw new BrokerError(error, servers);
    }
  }

  /** Whether the broker is there. */
  get up(): boolean {
    return this.#up;
  }

  /** The server that is used, `HOST:PORT`. */
  get server(): string {
    return this.connection.getServer();
  }

  /** Bytes that were published, of which it is not known whether the broker has taken them: publishers wait on their account. */
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
    this.connection.publish(subject, data, options);
    this.#untaken += data.length;
    this.#unasked += data.length;
    if (this.#unasked >= ASK_BYTES) this.#ask();
    return true;
  }

  /** @param onMessage guarded by whoever subscribes */
  subscribe(subject: string, onMessage: (message: BrokerMessage) => void): Subscription {
    return this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) onMessage(message);
      },
    });
  }

  /** Resolves when the broker has taken all that was published and subscribed to. Never, if it goes away before that. */
  async flushed(): Promise<void> {
    await this.connection.flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#up = false;
    await this.connection.close();
  }

  onFault(thrown: unknown): void {
    this.#log.error({ error: String(thrown) }, 'internal error');
  }

  #ask(): void {
    const asked = this.#unasked;
    this.#unasked = 0;
    const taken = (): void => {
      this.#untaken = Math.max(0, this.#untaken - asked);
    };
    // Where the connection is lost meanwhile, what was published is lost, too.
    this.connection.flush().then(taken, taken);
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (this.#closed) return;
      if (status.type === 'disconnect' && this.#up) {
        this.#up = false;
        this.#untaken = 0;
        this.#unasked = 0;
        this.#log.warn({ server: status.server }, 'broker is away: clients stay, publishers are refused');
        for (const watcher of this.#watchers) attempt(this, () => watcher.onDown());
      } else if (status.type === 'reconnect' && !this.#up) {
        this.#up = true;
        this.#log.info({ server: status.server }, 'broker is back');
        for (const watcher of this.#watchers) attempt(this, () => watcher.onUp());
      } else if (status.type === 'error') {
        this.#log.warn({ error: status.error.message }, 'broker reports an error');
      }
    }
  }
}

function optionsOf({ user, password, token, credentials }: BrokerAccess): ConnectionOptions {
  if (credentials !== undefined) return { authenticator: credsAuthenticator(credentials) };
  if (token !== undefined) return { token };
  return user === undefined ? {} : { user, pass: password ?? '' };
}
