import type { Mongrel2Server } from '../config/index.ts';
import { type Log, systemErrorText } from '../exchange/index.ts';
import {
  type ConnectionStatus,
  type ConnectionTable,
  type ControlledServer,
  ControlPort,
  type ControlPortOptions,
  type ServerInfo,
} from '../mongrel2/index.ts';
import { packageVersion } from './package-version.ts';

/** The server that is controlled. */
export interface ControlledRole {
  /** Where it listens. */
  readonly address: string;
  readonly connections: ConnectionTable;
  drain(): void;
  whenEmpty(): Promise<void>;
  stop(): Promise<void>;
  reload(): boolean;
}

/** What the control port of a server is made of. */
export interface Mongrel2ControlOptions extends Omit<ControlPortOptions, 'server'> {
  readonly server: Mongrel2Server;
  readonly role: ControlledRole;
  /** The server has been ended. */
  readonly onEnded: () => void;
}

/** The control port of a Mongrel2 server, and what it may see and do. */
export class Mongrel2Control implements ControlledServer {
  readonly version = packageVersion();
  readonly #server: Mongrel2Server;
  readonly #role: ControlledRole;
  readonly #log: Log;
  readonly #onEnded: () => void;
  readonly #port: ControlPort;

  constructor(options: Mongrel2ControlOptions) {
    this.#server = options.server;
    this.#role = options.role;
    this.#log = options.log;
    this.#onEnded = options.onEnded;
    this.#port = new ControlPort({ ...options, server: this });
  }

  /** Opens the port, if the server has one. As in Mongrel2 it runs without it where that fails. */
  async open(): Promise<void> {
    const { controlPort: endpoint } = this.#server;
    if (endpoint === null) return;
    try {
      await this.#port.open(endpoint);
    } catch (error) {
      this.#log.error({ endpoint, reason: systemErrorText(error) }, 'control port cannot be opened');
    }
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  get info(): ServerInfo {
    const { listen, uuid, root, accessLog, errorLog, pidFile, defaultHost } = this.#server;
    const { address } = this.#role;
    const overTcp = listen.kind === 'tcp';
    return {
      port: overTcp ? Number(address.slice(address.lastIndexOf(':') + 1)) : 0,
      bindAddress: overTcp ? (listen.host ?? '0.0.0.0') : address,
      uuid,
      root,
      accessLog: accessLog ?? '',
      errorLog: errorLog ?? '',
      pidFile: pidFile ?? '',
      defaultHost,
    };
  }

  get connectionCount(): number {
    return this.#role.connections.size;
  }

  connections(): Iterable<ConnectionStatus> {
    return this.#role.connections.statuses();
  }

  kill(id: number): boolean {
    return this.#role.connections.kill(id);
  }

  stop(): void {
    this.#role.drain();
    void this.#role.whenEmpty().then(() => this.#end());
  }

  terminate(): void {
    void this.#end();
  }

  reload(): boolean {
    return this.#role.reload();
  }

  async #end(): Promise<void> {
    await this.#role.stop();
    this.#onEnded();
  }
}
