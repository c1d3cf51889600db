import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { fault, type Guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { internalError } from '../exchange/index.ts';
import type { TlsIdentities } from './tls-identities.ts';

/** How a listener speaks TLS. */
export interface TlsSettings {
  readonly identities: TlsIdentities;
  /** Seconds from the accepted connection to the end of its handshake; then it is closed. */
  readonly handshakeTimeout: number;
  /** Handshakes of one listener that may be under way at a time, up to 50 KB of memory each; what comes on top is closed at once. */
  readonly maxHandshakes: number;
  readonly wheel: TimerWheel;
  /** A connection ended before its handshake did: counts and logs it. */
  readonly onFailure?: (failure: TlsFailure) => void;
}

/** Defaults of the limits in `TlsSettings`. */
export const DEFAULT_TLS_LIMITS = { handshakeTimeout: 10, maxHandshakes: 4_096 } as const;

/** Why a connection ended before its handshake did. */
export interface TlsFailure {
  /**
   * `name`: there is no certificate for the name that the client asked for, nor a default. `protocol`: what it sent is not TLS, or
   * not what is offered here; or it asked for no name, and there is no default. `timeout`: it took too long. `closed`: the client
   * left, or the listener was closed. `overload`: too many handshakes were under way. `internal`: a defect of ours.
   */
  readonly reason: 'name' | 'protocol' | 'timeout' | 'closed' | 'overload' | 'internal';
  /**
   * OpenSSL's code of a `protocol` failure, what is known of a `closed` one, the stack of an `internal` one, the name asked for of a
   * `name` one: up to 255 bytes of the client's making. May be empty.
   */
  readonly detail: string;
  /** The client's address; empty for a unix socket. */
  readonly peer: string;
}

/** Application protocols offered (RFC 7301): HTTP/2 is not one of them. */
const PROTOCOLS = ['http/1.1'];

/** A fatal alert `unrecognized_name` in a record of its own (RFC 8446 §5.1, §6; RFC 6066 §3). */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/**
 * Makes TLS connections of plain ones and hands them on when their handshake is done. A connection whose handshake fails is closed,
 * and nothing of it stays. One that idles costs some 45 KB, most of it buffers within Node that it does not let go of.
 *
 * What the client sees of a failure: the alert `unrecognized_name` for a name without certificate, `handshake_failure` when it asked
 * for no name and there is no default, `protocol_version` when it speaks no version from 1.2 on, `no_application_protocol` when
 * it wants other protocols than HTTP/1.1 only; in all other cases just the end of the connection.
 */
export class TlsAcceptor implements Guarded {
  readonly #settings: TlsSettings;
  readonly #highWaterMark: number;
  readonly #accept: (socket: Socket) => void;
  readonly #handshakes = new Set<Handshake>();

  /** @param accept takes each connection after its handshake */
  constructor(settings: TlsSettings, highWaterMark: number, accept: (socket: Socket) => void) {
    this.#settings = settings;
    this.#highWaterMark = highWaterMark;
    this.#accept = accept;
  }

  /** Takes a plain connection that was accepted. */
  readonly onConnection = (raw: Socket): void => {
    try {
      this.#begin(raw);
    } catch (thrown) {
      raw.destroy();
      fault(this, thrown);
    }
  };

  #begin(raw: Socket): void {
    const { maxHandshakes, handshakeTimeout, wheel } = this.#settings;
    const peer = raw.remoteAddress ?? '';
    if (this.#handshakes.size >= maxHandshakes) {
      raw.destroy();
      this.tellFailure('overload', '', peer);
      return;
    }
    const handshake = new Handshake(new TlsConnection(raw, this.#settings.identities, this.#highWaterMark), peer, this);
    this.#handshakes.add(handshake);
    wheel.schedule(handshake, handshakeTimeout * 1_000);
  }

  /** A connection could not be begun with. */
  onFault(thrown: unknown): void {
    this.tellFailure('internal', internalError(thrown).detail, '');
  }

  /** Cuts the handshakes under way. */
  close(): void {
    for (const handshake of this.#handshakes) handshake.fail('closed', 'the listener was closed');
  }

  /** A handshake is over, with or without success. */
  onHandshakeEnd(handshake: Handshake): void {
    this.#handshakes.delete(handshake);
    this.#settings.wheel.cancel(handshake);
  }

  onSecure(connection: TlsConnection): void {
    this.#accept(connection);
  }

  tellFailure(reason: TlsFailure['reason'], detail: string, peer: string): void {
    this.#settings.onFailure?.({ reason, detail, peer });
  }
}

/** A connection before it is handed on; its time is the wheel's. */
class Handshake extends WheelTimer {
  readonly #connection: TlsConnection;
  readonly #peer: string;
  readonly #acceptor: TlsAcceptor;

  constructor(connection: TlsConnection, peer: string, acceptor: TlsAcceptor) {
    super();
    this.#connection = connection;
    this.#peer = peer;
    this.#acceptor = acceptor;
    connection.handshake = this;
    connection.on('secure', onSecure).on('end', onLeft).on('close', onLeft).on('_tlsError', onTlsError);
  }

  override onTimer(): void {
    this.fail('timeout');
  }

  succeed(): void {
    this.#end();
    this.#acceptor.onSecure(this.#connection);
  }

  fail(reason: TlsFailure['reason'], detail = ''): void {
    this.#end();
    this.#connection.destroy();
    this.#acceptor.tellFailure(reason, detail, this.#peer);
  }

  /** There is no certificate for `name`. */
  refuse(name: string): void {
    this.#end();
    this.#connection.closeWith(UNRECOGNIZED_NAME);
    this.#acceptor.tellFailure('name', name, this.#peer);
  }

  #end(): void {
    const connection = this.#connection;
    connection.handshake = null;
    connection.removeListener('secure', onSecure).removeListener('end', onLeft).removeListener('close', onLeft);
    this.#acceptor.onHandshakeEnd(this);
  }

  override onFault(thrown: unknown): void {
    this.fail('internal', internalError(thrown).detail);
  }
}

/** The server's end of a TLS connection. `tls.Server` makes none whose buffers have another size than Node's default. */
class TlsConnection extends TLSSocket {
  /** Null once it is over. */
  handshake: Handshake | null = null;
  readonly #raw: Socket;

  constructor(raw: Socket, identities: TlsIdentities, highWaterMark: number) {
    const options = {
      isServer: true,
      // Used unless the client names a server.
      secureContext: identities.forNoName() ?? identities.anonymous,
      SNICallback: (name: string, use: (error: Error | null, context?: SecureContext) => void): void => {
        try {
          const context = identities.forName(name);
          if (context === null) this.handshake?.refuse(name);
          else use(null, context);
        } catch (thrown) {
          blame(this, thrown);
        }
      },
      ALPNProtocols: PROTOCOLS,
      highWaterMark,
    };
    super(raw, options);
    this.#raw = raw;
  }

  /** Closes the connection with a record that is not encrypted: right only before the ServerHello, which brings the keys. */
  closeWith(record: Buffer): void {
    this.#raw.write(record);
    this.#raw.destroySoon();
  }

  /** As of a plain socket; the inherited one throws. */
  override resetAndDestroy(): this {
    this.#raw.resetAndDestroy();
    return this;
  }
}

/** A call for `connection` threw: ends its handshake; the connection itself if that is over. */
function blame(connection: TlsConnection, thrown: unknown): void {
  if (connection.handshake === null) connection.destroy(thrown as Error);
  else fault(connection.handshake, thrown);
}

function onSecure(this: TlsConnection): void {
  try {
    this.handshake?.succeed();
  } catch (thrown) {
    blame(this, thrown);
  }
}

/** An `end` is nothing yet to a connection that may be half open; in the middle of a handshake it is the end. */
function onLeft(this: TlsConnection): void {
  try {
    this.handshake?.fail('closed');
  } catch (thrown) {
    blame(this, thrown);
  }
}

/**
 * Stays for the life of the connection: Node destroys it only for what goes wrong within the handshake, and tells as `error`
 * only what a `tls.Server` made.
 */
function onTlsError(this: TlsConnection, error: NodeJS.ErrnoException): void {
  const code = error.code ?? error.message;
  try {
    if (this.handshake === null) this.destroy(error);
    else this.handshake.fail(code.startsWith('ERR_SSL_') ? 'protocol' : 'closed', code);
  } catch (thrown) {
    blame(this, thrown);
  }
}
