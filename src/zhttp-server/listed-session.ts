import type { PacketFormat, RequestPacket, SessionRef } from '../codec/zhttp/index.ts';
import { type ByteHolder, type ExchangeError, LEAST_COST } from '../exchange/index.ts';
import { RequesterPath } from './requester-path.ts';
import type { HostedSession, ServerHost } from './server-host.ts';
import { SessionRecord } from './session-record.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A session as the engine and its tables see it: where its requester is, when that was heard of last, and what is recorded of the request. */
export abstract class ListedSession implements HostedSession, ByteHolder {
  slot = -1;
  key = '';
  untold = false;
  /** When a packet came last from the requester, by the wheel's clock. */
  heardAt: number;
  /** When bytes of a body or message were moved last. */
  activeAt: number;
  /** When the requester is to be told that the session is alive. */
  keepAliveAt = NEVER;
  readonly requestBytes: number;
  protected readonly host: ServerHost;
  protected readonly path: RequesterPath;
  protected readonly record: SessionRecord;

  /**
   * @param packet the first one, without defect
   * @param bytes of that packet
   * @param envelope what the one response begins with, in req mode; null in stream mode
   */
  constructor(host: ServerHost, packet: RequestPacket, bytes: number, format: PacketFormat, envelope: Buffer[] | null) {
    this.host = host;
    this.path = new RequesterPath(host, packet, format, envelope, this);
    this.requestBytes = Math.max(LEAST_COST, bytes);
    this.heardAt = host.now;
    this.activeAt = host.now;
    this.record = new SessionRecord(host, packet);
  }

  get id(): string {
    return this.path.id;
  }

  get from(): string {
    return this.path.from;
  }

  get format(): PacketFormat {
    return this.path.format;
  }

  get byRouter(): boolean {
    return this.path.byRouter;
  }

  get named(): boolean {
    return this.path.named;
  }

  /** Whether the outcome is not sent. The request is made anyway. */
  get mute(): boolean {
    return this.path.mute;
  }

  /** Whether the requester takes nothing now. */
  get blocked(): boolean {
    return this.path.blocked;
  }

  /** Whether the session may be named in a packet together with others. */
  get batchable(): boolean {
    return this.path.batchable;
  }

  /** Names the session in the next packet, which the caller sends. */
  nextRef(): SessionRef {
    return this.path.nextRef();
  }

  /** What the requester is told of a failure. */
  protected conditionOf(error: ExchangeError): string {
    return error.code === 'HF_FETCH_TIMEOUT' ? this.host.timeoutCondition : error.face.condition;
  }

  /** A failure is at least a warning in the log, because the packet may have no receiver. */
  protected report(error: ExchangeError): void {
    const { code, detail } = error;
    this.host.counters.sessionsFailed++;
    const level = error.face.level === 'error' ? 'error' : 'warn';
    this.record.end(code, level, 'request failed', this.from, { code, condition: this.conditionOf(error), detail });
  }

  abstract settle(): void;

  abstract onTurnEnd(): void;

  abstract onHeldTooMuch(): void;

  abstract onFault(thrown: unknown): void;
}
