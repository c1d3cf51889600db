import type { OnReadOpts, Socket } from 'node:net';
import type { Guarded } from '../clock/index.ts';
import type { Guard } from './guard/guard.ts';

/** How TLS is used with a server. */
export interface TlsClientSettings {
  /** The name sent in SNI (not for an IP address) and required in the certificate. */
  readonly serverName: string;
  /** Another name that the certificate may be valid for; empty for none. */
  readonly alsoTrusted: string;
  /** Whether the chain and the name of the certificate are verified. */
  readonly verify: boolean;
  /** Our own certificate chain and key, PEM; both empty for none. */
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Where to connect. */
export interface DialTarget {
  /** A name or an IP literal, without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Decides which addresses of `host` may be dialled (not the name itself); null allows all. */
  readonly guard: Guard | null;
  /** Dials only IPv4 addresses. */
  readonly ipv4Only: boolean;
  /** Null: no TLS. */
  readonly tls: TlsClientSettings | null;
}

/** Why there is no connection. */
export type DialErrorKind =
  /** The name has no known address. */
  | 'resolve'
  /** Every address is forbidden. */
  | 'policy'
  /** No allowed address can be reached: refused, no route, … */
  | 'unreachable'
  /** This process, or the system, has no file descriptor left. */
  | 'descriptors'
  /** The system gave up waiting (ETIMEDOUT). */
  | 'timeout'
  /** The TLS handshake failed, or the certificate cannot be trusted. */
  | 'tls';

/** A connection that could not be made. The message says what happened, in words. */
export class DialError extends Error {
  override readonly name = 'DialError';
  readonly kind: DialErrorKind;

  constructor(kind: DialErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Takes the outcome of a dial: exactly one of the first two calls, never before `dial` has returned. An exception thrown by the dial or by
 * one of these calls goes to `onFault`; if there is no connection yet, that is the last call.
 */
export interface DialSink extends Guarded {
  /** The connection is open, TLS included. From now on the sink has to listen for the socket's `error` and `close`. */
  onConnected(socket: Socket): void;
  onDialFailed(error: DialError): void;
}

/** A connection attempt in progress. */
export interface Dialling {
  /** Gives up: the sink is not called again. Harmless after the dial is over. */
  cancel(): void;
}

/** Opens connections: resolves, checks each address, and dials exactly that address. */
export interface Dialler {
  /**
   * @param onRead receives bytes once connected: `callback(length, buffer)`. Without TLS the buffer is one for all reads; with TLS Node
   *   provides it
   */
  dial(target: DialTarget, sink: DialSink, onRead: OnReadOpts): Dialling;
}
