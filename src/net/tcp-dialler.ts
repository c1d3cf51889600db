import { isIP, type OnReadOpts, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { fault, guarded } from '../clock/index.ts';
import { type Log, silentLog } from '../exchange/index.ts';
import { AddressRace, type RaceOwner } from './address-race.ts';
import { dialOrder } from './dial-order.ts';
import { DialError, type Dialler, type Dialling, type DialSink, type DialTarget } from './dialler.ts';
import type { Resolver } from './resolver.ts';
import { TlsClientContexts } from './tls-client-contexts.ts';
import { type HandshakeOwner, TlsHandshake } from './tls-handshake.ts';
import { TrustStore } from './trust-store.ts';

/** How connections are made. */
export interface TcpDiallerOptions {
  readonly resolver: Resolver;
  /** Authorities trusted for server certificates. Default: those of the environment or the system, see `TrustStore`. */
  readonly trust?: TrustStore;
  /** RFC 8305 §5: milliseconds before the next address is tried in parallel. Default 250. */
  readonly attemptDelay?: number;
  readonly log?: Log;
}

/**
 * Dials over TCP, with TLS where the target asks for it. There is no time limit: the caller cancels a dial that takes too long.
 * @see Dialler
 */
export class TcpDialler implements Dialler {
  readonly #resolver: Resolver;
  readonly #attemptDelay: number;
  readonly #contexts: TlsClientContexts;

  constructor(options: TcpDiallerOptions) {
    this.#resolver = options.resolver;
    this.#attemptDelay = options.attemptDelay ?? 250;
    this.#contexts = new TlsClientContexts(options.trust ?? new TrustStore({ log: options.log ?? silentLog }));
  }

  /** @throws RangeError when the port is out of range */
  dial(target: DialTarget, sink: DialSink, onRead: OnReadOpts): Dialling {
    const { host, port, ipv4Only } = target;
    if (!(port >= 1 && port <= 65_535)) throw new RangeError(`invalid port ${port}`);
    const dial = new TcpDial(target, sink, onRead, this.#attemptDelay, this.#contexts);
    if (isIP(host) === 4 || (isIP(host) === 6 && !ipv4Only)) {
      dial.start([host]);
    } else {
      this.#resolver.resolve(host, ipv4Only ? 4 : 0).then(
        guarded(dial, (addresses: readonly string[]) => dial.start(dialOrder(addresses, ipv4Only))),
        guarded(dial, (error: Error) =>
          // Resolvers reject with a DialError: anything else is a defect.
          error instanceof DialError ? dial.fail(error) : dial.onFault(error),
        ),
      );
    }
    return dial;
  }
}

/** One dial: resolve, connect to one of the addresses, then perform the TLS handshake if asked. */
class TcpDial implements Dialling, RaceOwner, HandshakeOwner {
  readonly #target: DialTarget;
  readonly #sink: DialSink;
  readonly #onRead: OnReadOpts;
  readonly #attemptDelay: number;
  readonly #contexts: TlsClientContexts;
  #context: SecureContext | null = null;
  /** The current step, once the addresses are known. */
  #step: AddressRace | TlsHandshake | null = null;
  #over = false;

  constructor(
    target: DialTarget,
    sink: DialSink,
    onRead: OnReadOpts,
    attemptDelay: number,
    contexts: TlsClientContexts,
  ) {
    this.#target = target;
    this.#sink = sink;
    this.#onRead = onRead;
    this.#attemptDelay = attemptDelay;
    this.#contexts = contexts;
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#step?.cancel();
  }

  /** Connects to one of the addresses. */
  start(addresses: readonly string[]): void {
    if (this.#over) return;
    const { port, guard, tls } = this.#target;
    if (addresses.length === 0) {
      this.fail(new DialError('resolve', 'unknown host name'));
      return;
    }
    try {
      // An unusable client certificate is reported before connecting.
      if (tls !== null) this.#context = this.#contexts.contextFor(tls);
    } catch (error) {
      this.fail(error as DialError);
      return;
    }
    const race = new AddressRace(
      addresses,
      port,
      guard,
      tls === null ? this.#onRead : undefined,
      this.#attemptDelay,
      this,
    );
    this.#step = race;
    race.start();
  }

  /** Fails after the current turn: the caller of `dial` may not have its result yet. */
  fail(error: DialError): void {
    process.nextTick(guarded(this, () => this.onLost(error)));
  }

  onWon(socket: Socket): void {
    const { tls } = this.#target;
    if (tls === null) {
      this.#succeed(socket);
      return;
    }
    try {
      this.#step = new TlsHandshake(socket, tls, this.#context as SecureContext, this);
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  }

  onSecured(socket: Socket): void {
    const { callback } = this.#onRead;
    // Node's `onread` does not reach a connection that was opened before TLS.
    socket.on('data', (chunk: Buffer) => {
      if (callback(chunk.length, chunk) === false) socket.pause();
    });
    this.#succeed(socket);
  }

  onInsecure(error: DialError): void {
    this.onLost(error);
  }

  onLost(error: DialError): void {
    if (this.#over) return;
    this.#over = true;
    this.#step = null;
    this.#sink.onDialFailed(error);
  }

  /** Something threw, here or in the sink: gives up what is in progress. */
  onFault(thrown: unknown): void {
    this.cancel();
    fault(this.#sink, thrown);
  }

  #succeed(socket: Socket): void {
    this.#over = true;
    this.#step = null;
    this.#sink.onConnected(socket);
  }
}
