import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { fault, type Guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { internalError } from '../exchange/index.ts';
import type { TlsChallenges } from './challenge-acceptor.ts';
import { peerOf, statedPeer, statePeer } from './peer-address.ts';
import type { TlsIdentities } from './tls-identities.ts';

/** TLS settings of a listener. */
export interface TlsSettings {
  readonly identities: Pick<TlsIdentities, 'anonymous' | 'forName' | 'forNoName'>;
  /** Proofs for an authority of certificates. Default: none are given. */
  readonly challenges?: TlsChallenges | undefined;
  /** Seconds from accepting the connection to the end of its handshake; then the connection is closed. */
  readonly handshakeTimeout: number;
  /** Handshakes that may be in progress on one listener, up to 50 KB of memory each; further connections are closed at once. */
  readonly maxHandshakes: number;
  readonly wheel: TimerWheel;
  /**
   * Clients are asked for a certificate. `required`: those without a valid one are refused. `optional`: it may be missing, or not be valid. The
   * identities have to know the authorities. Default: nobody is asked.
   */
  readonly clientCertificates?: 'optional' | 'required' | undefined;
  /** Counts and logs a connection that ended before its handshake did. */
  readonly onFailure?: (failure: TlsFailure) => void;
}

/** Default limits for `TlsSettings`. */
export const DEFAULT_TLS_LIMITS = { handshakeTimeout: 10, maxHandshakes: 4_096 } as const;

/** Why a connection ended before its handshake did. */
export interface TlsFailure {
  /**
   * `name`: no certificate for the name that the client asked for, and no default. `protocol`: the bytes are not TLS, or a version or
   * protocol that is not offered here; or the client named no host, and there is no default. `timeout`: it took too long. `closed`: the
   * client left, or the listener was closed. `certificate`: that of the client is not valid. `overload`: too many handshakes in progress. `internal`: a defect of ours.
   */
  readonly reason: 'name' | 'certificate' | 'protocol' | 'timeout' | 'closed' | 'overload' | 'internal';
  /**
   * OpenSSL's code for `protocol` and `certificate`, what is known for `closed`, the stack for `internal`, the requested name for `name`: up to 255 bytes that
   * the client chose. May be empty.
   */
  readonly detail: string;
  /** The client's address; empty for a unix socket. */
  readonly peer: string;
}

/** Application protocols offered (RFC 7301), without HTTP/2. */
const PROTOCOLS = ['http/1.1'];

/** A fatal alert `unrecognized_name` in a record of its own (RFC 8446 §5.1, §6; RFC 6066 §3). */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/**
 * Turns plain connections into TLS connections and hands them on after their handshake. A connection whose handshake fails is closed and
 * leaves nothing behind. An idle one costs some 45 KB, most of it in buffers within Node that Node does not release.
 *
 * What the client sees of a failure: the alert `unrecognized_name` for a name without certificate, `handshake_failure` when it names no
 * host and there is no default, `protocol_version` when it supports no version from 1.2 on, `no_application_protocol` when it wants
 * protocols other than HTTP/1.1; otherwise just the end of the connection.
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

  /** Takes an accepted plain connection. */
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
    const peer = peerOf(raw).address;
    if (this.#handshakes.size >= maxHandshakes) {
      raw.destroy();
      this.tellFailure('overload', '', peer);
      return;
    }
    const handshake = new Handshake(new TlsConnection(raw, this.#settings, this.#highWaterMark), peer, this);
    this.#handshakes.add(handshake);
    wheel.schedule(handshake, handshakeTimeout * 1_000);
  }

  /** A connection could not be set up. */
  onFault(thrown: unknown): void {
    this.tellFailure('internal', internalError(thrown).detail, '');
  }

  /** Cuts the handshakes in progress. */
  close(): void {
    for (const handshake of this.#handshakes) handshake.fail('closed', 'the listener was closed');
  }

  /** A handshake has succeeded or failed. */
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

/** A connection during its handshake; the wheel holds its deadline. */
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
    const connection = this.#connection;
    const problem = connection.certificateProblem();
    if (problem !== null) {
      this.fail('certificate', problem);
      return;
    }
    this.#end();
    connection.stateCertificate();
    this.#acceptor.onSecure(connection);
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

/** The server's end of a TLS connection. `tls.Server` cannot make one with a buffer size other than Node's default. */
class TlsConnection extends TLSSocket {
  /** Null once it is over. */
  handshake: Handshake | null = null;
  readonly #raw: Socket;
  readonly #asked: TlsSettings['clientCertificates'];

  constructor(raw: Socket, { identities, clientCertificates }: TlsSettings, highWaterMark: number) {
    const options = {
      isServer: true,
      requestCert: clientCertificates !== undefined,
      // With TLS 1.2 a client without a certificate is refused within the handshake.
      rejectUnauthorized: clientCertificates === 'required',
      // Used when the client names no server.
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
    this.#asked = clientCertificates;
    statePeer(this, statedPeer(raw));
  }

  /** OpenSSL's code for what is wrong with a certificate that is required; null for nothing. */
  certificateProblem(): string | null {
    if (this.#asked !== 'required') return null;
    // What `tls.Server` does: OpenSSL completes the handshake whatever it thinks of the certificate.
    const { _handle: handle } = this as unknown as { _handle: { verifyError(): NodeJS.ErrnoException | null } };
    const error = handle.verifyError();
    return error === null || error === undefined ? null : (error.code ?? error.message);
  }

  /** Lets the peer of this connection say which certificate the client has shown. */
  stateCertificate(): void {
    if (this.#asked === undefined) return;
    const { fingerprint } = this.getPeerCertificate();
    if (fingerprint) statePeer(this, { ...peerOf(this), certificateSha1: fingerprint.replaceAll(':', '') });
  }

  /** Closes the connection with an unencrypted record: valid only before the ServerHello, which brings the keys. */
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

/** A call for `connection` threw: ends its handshake, or the connection if that is over. */
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

/** A half-open connection survives an `end`; a connection in its handshake does not. */
function onLeft(this: TlsConnection): void {
  try {
    this.handshake?.fail('closed');
  } catch (thrown) {
    blame(this, thrown);
  }
}

/**
 * Stays for the life of the connection: Node destroys it only for failures within the handshake, and reports as `error` only what a
 * `tls.Server` made.
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
