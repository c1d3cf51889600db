import type { OnReadOpts, Socket } from 'node:net';
import type { Guarded } from '../clock/index.ts';
import type { Guard } from './guard/guard.ts';

/** How TLS is used with a server. */
export interface TlsClientSettings {
  /** The name in SNI (not sent for an IP address), which the certificate has to be for. */
  readonly serverName: string;
  /** Another name that the certificate may be for; empty for none. */
  readonly alsoTrusted: string;
  /** Whether the chain and the name of the certificate are verified. */
  readonly verify: boolean;
  /** Our own certificate chain and key, PEM; both empty for none. */
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Where a connection is to go. */
export interface DialTarget {
  /** A name or an IP literal, without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Decides about the addresses that `host` stands for (not about the name); null: all are allowed. */
  readonly guard: Guard | null;
  /** Only IPv4 addresses are dialled. */
  readonly ipv4Only: boolean;
  /** Null: no TLS. */
  readonly tls: TlsClientSettings | null;
}

/** Why there is no connection. */
export type DialErrorKind =
  /** No address is known for the name. */
  | 'resolve'
  /** Every address is forbidden. */
  | 'policy'
  /** No allowed address can be reached: refused, no route, … */
  | 'unreachable'
  /** The system gave up waiting (ETIMEDOUT). */
  | 'timeout'
  /** The TLS handshake failed, or the certificate cannot be trusted. */
  | 'tls';

/** A connection that could not be made. The message says what happened, for people. */
export class DialError extends Error {
  override readonly name = 'DialError';
  readonly kind: DialErrorKind;

  constructor(kind: DialErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Takes the outcome of a dial: one of the two calls, once, and never before `dial` has returned. An exception, of the dial or of one of
 * these calls, comes to `onFault`; without a connection it is the last call.
 */
export interface DialSink extends Guarded {
  /** The connection is open, TLS included. From now on the sink has to listen for the socket's `error` and `close`. */
  onConnected(socket: Socket): void;
  onDialFailed(error: DialError): void;
}

/** A dial in progress. */
export interface Dialling {
  /** Gives up: the sink is not called any more. Harmless when the dial is over. */
  cancel(): void;
}

/** Opens connections: resolves, checks each address, and dials exactly that address. */
export interface Dialler {
  /**
   * @param onRead takes what arrives, once connected: `callback(length, buffer)`. Without TLS out of its own one buffer for every read;
   *   with TLS out of buffers that Node gives
   */
  dial(target: DialTarget, sink: DialSink, onRead: OnReadOpts): Dialling;
}
