import type { Socket } from 'node:net';
import { fault, type Guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { type ProxyHeader, ProxyHeaderError, parseProxyHeader } from '../codec/proxy-protocol/index.ts';
import { internalError, LineRate, type Log, type ServerCounters } from '../exchange/index.ts';
import type { AddressSet } from './guard/address-set.ts';
import { peerAddress, plainAddress, statePeer } from './peer-address.ts';

/** Seconds from accepting a connection to the end of its PROXY header; then it is closed. */
const HEADER_TIMEOUT = 10;

/**
 * Connections of one listener whose PROXY header is not complete. One more is closed at once.
 * @bound proxy-headers-awaited
 */
const MAX_AWAITED = 4_096;

/** Settings of a listener whose connections begin with a PROXY header. */
export interface ProxyProtocolSettings {
  /** Addresses of the proxies. Connections from elsewhere are closed: anyone could claim to be anyone. */
  readonly trusted: AddressSet;
  readonly wheel: TimerWheel;
  readonly counters: Pick<ServerCounters, 'proxyHeadersFailed' | 'faults'>;
  readonly log: Log;
}

/**
 * Why a connection ended before its PROXY header did. `untrusted`: it comes from an address that is not trusted. `malformed`: it does not
 * begin with a valid header. `timeout`: the header took too long. `closed`: the peer left, or the listener was closed. `overload`: too many headers
 * are incomplete. `internal`: a defect of ours.
 */
type Reason = 'untrusted' | 'malformed' | 'timeout' | 'closed' | 'overload' | 'internal';

/**
 * Reads the PROXY header that each connection begins with, and hands the connection on with what follows. `peerOf` of its socket is
 * then the client that the header names.
 */
export class ProxyProtocolAcceptor implements Guarded {
  readonly #settings: ProxyProtocolSettings;
  readonly #accept: (socket: Socket) => void;
  readonly #awaited = new Set<AwaitedHeader>();
  /** A line for each connection would let a flood of them fill the log. */
  readonly #lines = new Map<Reason, LineRate>();

  /** @param accept takes each connection after its header */
  constructor(settings: ProxyProtocolSettings, accept: (socket: Socket) => void) {
    this.#settings = settings;
    this.#accept = accept;
  }

  /** Takes an accepted connection. */
  readonly onConnection = (socket: Socket): void => {
    try {
      this.#begin(socket);
    } catch (thrown) {
      socket.destroy();
      fault(this, thrown);
    }
  };

  #begin(socket: Socket): void {
    const peer = peerAddress(socket);
    const isTrusted = this.#settings.trusted.has(peer);
    if (!isTrusted || this.#awaited.size >= MAX_AWAITED) {
      socket.destroy();
      this.tellFailure(isTrusted ? 'overload' : 'untrusted', '', peer);
      return;
    }
    const awaited = new AwaitedHeader(socket, peer, this);
    this.#awaited.add(awaited);
    this.#settings.wheel.schedule(awaited, HEADER_TIMEOUT * 1_000);
  }

  /** A connection could not be set up. */
  onFault(thrown: unknown): void {
    this.tellFailure('internal', internalError(thrown).detail, '');
  }

  /** Cuts the connections whose header is not complete. */
  close(): void {
    for (const awaited of this.#awaited) awaited.fail('closed', 'the listener was closed');
  }

  /** A header is complete, or will not be. */
  onHeaderEnd(awaited: AwaitedHeader): void {
    this.#awaited.delete(awaited);
    this.#settings.wheel.cancel(awaited);
  }

  onHeader(socket: Socket, { source }: ProxyHeader): void {
    if (source !== null) statePeer(socket, { ...source, address: plainAddress(source.address) });
    this.#accept(socket);
  }

  /** Counts and logs a connection that ended before its header did. */
  tellFailure(reason: Reason, detail: string, peer: string): void {
    const { counters, log } = this.#settings;
    counters.proxyHeadersFailed++;
    if (reason === 'internal') counters.faults++;
    const { proxyHeadersFailed: failed } = counters;
    const record = { reason, detail, peer, failed };
    const message = 'connection without a PROXY header closed';
    if (reason === 'internal') log.error(record, message);
    else if (reason === 'closed') log.debug(record, message);
    // A load balancer that speaks another protocol, or is not trusted, reaches nothing: the operator has to know.
    else this.#linesOf(reason).write(log, 'warn', record, message);
  }

  #linesOf(reason: Reason): LineRate {
    let lines = this.#lines.get(reason);
    if (lines === undefined) {
      lines = new LineRate();
      this.#lines.set(reason, lines);
    }
    return lines;
  }
}

/** A connection until its header is complete; the wheel holds its deadline. */
class AwaitedHeader extends WheelTimer {
  readonly #socket: Socket;
  readonly #peer: string;
  readonly #acceptor: ProxyProtocolAcceptor;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, peer: string, acceptor: ProxyProtocolAcceptor) {
    super();
    this.#socket = socket;
    this.#peer = peer;
    this.#acceptor = acceptor;
    // Not `data`: what is read too far has to go back to the socket, for TLS too.
    socket.on('readable', this.#onReadable).on('end', this.#onLeft).on('close', this.#onLeft).on('error', ignore);
  }

  override onTimer(): void {
    this.fail('timeout');
  }

  override onFault(thrown: unknown): void {
    this.fail('internal', internalError(thrown).detail);
  }

  fail(reason: Reason, detail = ''): void {
    this.#end();
    this.#socket.destroy();
    this.#acceptor.tellFailure(reason, detail, this.#peer);
  }

  readonly #onReadable = (): void => {
    try {
      this.#read();
    } catch (thrown) {
      if (thrown instanceof ProxyHeaderError) this.fail('malformed', thrown.message);
      else fault(this, thrown);
    }
  };

  readonly #onLeft = (): void => {
    try {
      this.fail('closed');
    } catch (thrown) {
      fault(this, thrown);
    }
  };

  #read(): void {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk === null) return;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = parseProxyHeader(this.#bytes);
    if (header === null) return;
    const rest = this.#bytes.subarray(header.length);
    if (rest.length > 0) this.#socket.unshift(rest);
    this.#end();
    this.#acceptor.onHeader(this.#socket, header);
    // Whoever has the socket now listens for its errors.
    this.#socket.removeListener('error', ignore);
  }

  #end(): void {
    this.#socket.removeListener('readable', this.#onReadable);
    this.#socket.removeListener('end', this.#onLeft).removeListener('close', this.#onLeft);
    this.#acceptor.onHeaderEnd(this);
  }
}

/** `close` follows. */
function ignore(): void {}
