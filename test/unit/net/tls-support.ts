import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  DEFAULT_TLS_LIMITS,
  type ListenAddress,
  type Listener,
  listen,
  type TlsFailure,
  TlsIdentities,
  type TlsIdentitiesOptions,
  type TlsSettings,
} from '../../../src/net/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { IDENTITIES } from '../../support/loopback-certificate.ts';
import { RawClient } from '../../support/raw-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

export type IdentityName = keyof typeof IDENTITIES;

/** Puts an identity into a folder under a name. */
export function putIdentity(folder: string, name: string, identity: IdentityName): void {
  writeFileSync(join(folder, `${name}.crt`), IDENTITIES[identity].certificate);
  writeFileSync(join(folder, `${name}.key`), IDENTITIES[identity].key);
}

/** What to serve: names of files, each with the identity in them. */
export type Served = Readonly<Record<string, IdentityName>>;

/** Identities in a folder of their own. */
export class Identities {
  readonly log = new FakeLog();
  readonly folder: string;
  readonly identities: TlsIdentities;

  constructor(t: TestContext, served: Served, options: Partial<TlsIdentitiesOptions> = {}) {
    this.folder = temporaryFolder(t);
    for (const [name, identity] of Object.entries(served)) putIdentity(this.folder, name, identity);
    this.identities = new TlsIdentities({ folder: this.folder, defaultName: null, log: this.log, ...options });
  }
}

/** A TLS listener that keeps what it accepts; it ends with the test. */
export class TlsListener {
  readonly accepted: TLSSocket[] = [];
  readonly failures: TlsFailure[] = [];
  /** What every connection is sent within the call that accepts it, before its end. */
  farewell = '';
  readonly #t: TestContext;
  readonly #settings: TlsSettings;
  #listener: Listener | null = null;
  #waits: (() => void)[] = [];

  constructor(t: TestContext, identities: TlsIdentities, settings: Partial<TlsSettings> = {}) {
    this.#t = t;
    const wheel = new TimerWheel();
    const onFailure = (failure: TlsFailure): void => {
      this.failures.push(failure);
      this.#wake();
    };
    this.#settings = { identities, ...DEFAULT_TLS_LIMITS, wheel, onFailure, ...settings };
    t.after(() => {
      this.close();
      wheel.stop();
      for (const socket of this.accepted) socket.destroy();
    });
  }

  async start(address: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 }): Promise<this> {
    const accept = (socket: Socket): void => {
      this.accepted.push(socket as TLSSocket);
      if (this.farewell !== '') socket.end(this.farewell);
      this.#wake();
    };
    this.#listener = await listen(address, 12_345, accept, { tls: this.#settings });
    return this;
  }

  get address(): string {
    return this.#listener?.address ?? '';
  }

  close(): void {
    this.#listener?.close();
  }

  /** The connection that is the `count`th to be accepted, now or later. */
  async connection(count = 1): Promise<TLSSocket> {
    while (this.accepted.length < count) await this.#next();
    return this.accepted[count - 1] as TLSSocket;
  }

  /** The failure that is the `count`th, now or later. */
  async failure(count = 1): Promise<TlsFailure> {
    while (this.failures.length < count) await this.#next();
    return this.failures[count - 1] as TlsFailure;
  }

  /** A client whose handshake is done. */
  async connect(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const client = this.open(options);
    await once(client, 'secureConnect');
    return client;
  }

  /** A client that has begun its handshake. */
  open(options: ConnectionOptions = {}): TLSSocket {
    const client = connect({ ...this.#whereabouts(), rejectUnauthorized: false, ...options });
    this.#t.after(() => client.destroy());
    client.on('error', () => {});
    return client;
  }

  /** A connected client that speaks no TLS by itself. */
  async openPlain(): Promise<RawClient> {
    const socket = connectPlain({ ...this.#whereabouts(), allowHalfOpen: true });
    this.#t.after(() => socket.destroy());
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** The code of the error that the client is told instead of a handshake. */
  async refusal(options: ConnectionOptions): Promise<string> {
    const client = this.open(options);
    // With TLS 1.3 the client may think that it is done before the server has refused it.
    const [error] = await once(client, 'error');
    return (error as NodeJS.ErrnoException).code ?? '';
  }

  /** The common name of the certificate that a client gets which asks for `servername`. */
  async commonName(servername = ''): Promise<string> {
    const client = await this.connect({ servername });
    const { CN } = client.getPeerCertificate().subject;
    client.destroy();
    return String(CN);
  }

  #whereabouts(): { host: string; port: number } | { path: string } {
    if (this.address.startsWith('unix:')) return { path: this.address.slice(5) };
    return { host: '127.0.0.1', port: this.#listener?.port ?? 0 };
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waits.push(resolve));
  }

  #wake(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const resolve of waits) resolve();
  }
}

/** A listener over identities, with all around it. */
export async function startTls(
  t: TestContext,
  served: Served,
  defaultName: string | null = null,
  settings: Partial<TlsSettings> = {},
): Promise<{ listener: TlsListener; folder: string; log: FakeLog }> {
  const { identities, folder, log } = new Identities(t, served, { defaultName });
  return { listener: await new TlsListener(t, identities, settings).start(), folder, log };
}
