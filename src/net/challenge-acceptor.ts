import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { fault, type Guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { readClientHello } from '../codec/tls-hello/index.ts';

/** The protocol by which an authority asks for the proof (RFC 8737 §4). */
const ACME_TLS = 'acme-tls/1';

/** Seconds for the first message of a connection, and for a proof. */
const TIMEOUT = 10;

/**
 * Connections whose first message is looked at. Further ones are served without.
 * @bound challenge-connections
 */
const MAX_LOOKED_AT = 256;

/** Proofs that an authority asks for over TLS (tls-alpn-01, RFC 8737). */
export interface TlsChallenges {
  /** Whether one is open: only then the first message of a connection is looked at. */
  readonly open: boolean;
  /** The certificate that proves the name; null where nothing is to be proven for it. */
  forName(name: string): SecureContext | null;
}

/**
 * Serves the connections of authorities that ask for a proof, and hands all others on as they came. Which certificate is to be shown depends on the
 * protocols that a client offers, and Node tells of them only once it is chosen.
 */
export class ChallengeAcceptor implements Guarded {
  readonly #challenges: TlsChallenges;
  readonly #wheel: TimerWheel;
  readonly #accept: (socket: Socket) => void;
  readonly #connections = new Set<LookedAt>();

  /** @param accept takes the connections of all others */
  constructor(challenges: TlsChallenges, wheel: TimerWheel, accept: (socket: Socket) => void) {
    this.#challenges = challenges;
    this.#wheel = wheel;
    this.#accept = accept;
  }

  /** Takes an accepted connection. */
  readonly onConnection = (socket: Socket): void => {
    try {
      if (!this.#challenges.open || this.#connections.size >= MAX_LOOKED_AT) {
        this.#accept(socket);
        return;
      }
      const connection = new LookedAt(socket, this);
      this.#connections.add(connection);
      this.#wheel.schedule(connection, TIMEOUT * 1_000);
    } catch (thrown) {
      socket.destroy();
      fault(this, thrown);
    }
  };

  /** Cuts the connections that are looked at. */
  close(): void {
    for (const connection of this.#connections) connection.onTimer();
  }

  /** The connection is no longer looked at. */
  onEnd(connection: LookedAt): void {
    this.#connections.delete(connection);
    this.#wheel.cancel(connection);
  }

  /** @returns the proof that the connection asks for; null for none, undefined while more bytes are needed */
  proofFor(bytes: Buffer): SecureContext | null | undefined {
    const hello = readClientHello(bytes);
    if (hello === null) return undefined;
    // RFC 8737 §3: the authority offers this protocol alone.
    if (hello === undefined || hello.protocols.length !== 1 || hello.protocols[0] !== ACME_TLS) return null;
    return this.#challenges.forName(hello.serverName);
  }

  pass(socket: Socket): void {
    this.#accept(socket);
  }

  /** A connection could not be set up: it is lost. */
  onFault(): void {}
}

/** A connection until its first message is complete, or until its proof was shown; the wheel holds its deadline. */
class LookedAt extends WheelTimer {
  readonly #socket: Socket;
  readonly #acceptor: ChallengeAcceptor;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, acceptor: ChallengeAcceptor) {
    super();
    this.#socket = socket;
    this.#acceptor = acceptor;
    // Not `data`: what was read has to go back to the socket, for TLS.
    socket.on('readable', this.#onReadable).on('end', this.#onLeft).on('close', this.#onLeft).on('error', ignore);
  }

  override onTimer(): void {
    this.#release();
    this.#acceptor.onEnd(this);
    this.#socket.destroy();
  }

  override onFault(): void {
    this.onTimer();
  }

  readonly #onReadable = (): void => {
    try {
      this.#read();
    } catch (thrown) {
      fault(this, thrown);
    }
  };

  readonly #onLeft = (): void => this.onTimer();

  #read(): void {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk === null) return;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const proof = this.#acceptor.proofFor(this.#bytes);
    if (proof === undefined) return;
    this.#socket.unshift(this.#bytes);
    this.#release();
    if (proof !== null) {
      this.#prove(proof);
      return;
    }
    this.#acceptor.onEnd(this);
    this.#acceptor.pass(this.#socket);
    // Whoever has the socket now listens for its errors.
    this.#socket.removeListener('error', ignore);
  }

  /** RFC 8737 §3: nothing but the handshake; the connection is closed after it. */
  #prove(secureContext: SecureContext): void {
    const secure = new TLSSocket(this.#socket, { isServer: true, secureContext, ALPNProtocols: [ACME_TLS] });
    secure.on('error', ignore);
    secure.once('secure', () => secure.end());
    secure.resume();
    this.#socket.once('close', () => this.#acceptor.onEnd(this));
  }

  #release(): void {
    this.#socket.removeListener('readable', this.#onReadable);
    this.#socket.removeListener('end', this.#onLeft).removeListener('close', this.#onLeft);
  }
}

/** `close` follows. */
function ignore(): void {}
