import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { type Guarded, guarded } from '../clock/index.ts';
import { DialError, type TlsClientSettings } from './dialler.ts';
import { tlsFailureText } from './tls-failure-text.ts';

/** Takes the outcome of a handshake: exactly one of the first two calls, or an exception, in `onFault`. */
export interface HandshakeOwner extends Guarded {
  /** The handshake no longer listens to the socket. */
  onSecured(socket: TLSSocket): void;
  /** The connection is closed. */
  onInsecure(error: DialError): void;
}

/** Application protocols offered (RFC 7301), without HTTP/2. */
const PROTOCOLS = ['http/1.1'];

/** The handshake with a server. It begins at once. */
export class TlsHandshake {
  readonly #socket: TLSSocket;
  readonly #serverName: string;
  readonly #owner: HandshakeOwner;
  readonly #onSecure: () => void;
  readonly #onError: (error: Error) => void;
  readonly #onClose: () => void;
  #over = false;

  /** @param raw connected and unread; it belongs to the TLS connection from now on */
  constructor(raw: Socket, settings: TlsClientSettings, context: SecureContext, owner: HandshakeOwner) {
    this.#serverName = withoutDot(settings.serverName);
    this.#owner = owner;
    this.#onSecure = guarded(owner, () => this.#succeed());
    this.#onError = guarded(owner, (error: Error) => this.#fail(error));
    this.#onClose = guarded(owner, () => this.#fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    // The TLS socket reports errors of the connection below it. An error that arrives only here must not end the process.
    raw.on('error', ignore);
    this.#socket = connect({
      socket: raw,
      secureContext: context,
      // RFC 6066 §3: SNI carries no addresses.
      servername: isIP(this.#serverName) === 0 ? this.#serverName : '',
      ALPNProtocols: PROTOCOLS,
      rejectUnauthorized: settings.verify,
      checkServerIdentity: (_name, certificate) => this.#check(settings.alsoTrusted, certificate),
    });
    this.#socket.on('secureConnect', this.#onSecure).on('error', this.#onError).on('close', this.#onClose);
  }

  /** Closes the connection. The owner is not called again. */
  cancel(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  /** RFC 9525 §6: whether the certificate is for the server name, or for the other trusted name. */
  #check(alsoTrusted: string, certificate: PeerCertificate): Error | undefined {
    const error = nameError(this.#serverName, certificate);
    if (error === undefined || alsoTrusted === '') return error;
    return nameError(alsoTrusted, certificate) === undefined ? undefined : error;
  }

  #succeed(): void {
    if (this.#over) return;
    this.#over = true;
    const socket = this.#socket;
    socket.removeListener('secureConnect', this.#onSecure);
    socket.removeListener('error', this.#onError).removeListener('close', this.#onClose);
    this.#owner.onSecured(socket);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.cancel();
    this.#owner.onInsecure(new DialError('tls', tlsFailureText(error, this.#serverName)));
  }
}

function nameError(name: string, certificate: PeerCertificate): Error | undefined {
  try {
    return checkServerIdentity(name, certificate);
  } catch (error) {
    // The server chose the certificate: an unreadable one is not trusted.
    return error as Error;
  }
}

/** RFC 6066 §3: SNI carries the name without a trailing dot. */
function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function ignore(): void {}
