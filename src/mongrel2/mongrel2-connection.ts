import type { ControlAnswer } from '../codec/mongrel2/index.ts';
import type { ByteHolder, ErrorCode, ExchangeError, RawClient, RawOwner, Requester } from '../exchange/index.ts';
import type { LoggedRequest } from './access-log.ts';
import { AnswerBody } from './answer-body.ts';
import { AnswerLog } from './answer-log.ts';
import { ConnectionActivity } from './connection-activity.ts';
import type { ConnectionPart } from './connection-part.ts';
import type { ConnectionStatus } from './connection-report.ts';
import { fixedAnswer } from './fixed-response.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import { HandlerTie } from './handler-tie.ts';
import type { SiteContext } from './site-context.ts';

/**
 * Bytes that wait for one client; each answer costs at least 256. An answer that finds nothing waiting is taken whatever its size. Beyond it the client is cut off.
 * @bound mongrel2-client-held
 */
export const MAX_CLIENT_BYTES = 16_777_216;

/** Bytes of answers that a handler may send with `download.flow_control` before the client has taken some (reference §3.3). */
export const DOWNLOAD_WINDOW = 102_400;

/** Milliseconds without an answer after which a response counts as complete: handlers do not say where one ends. */
const QUIET = 1_000;

/** The site of a connection. */
export interface ConnectionSite extends SiteContext {
  readonly connections: {
    add(connection: Mongrel2Connection): void;
    remove(connection: Mongrel2Connection): void;
  };
}

/**
 * A client's connection that handlers have been given, under its number. It writes their answers to the client, and tells them when the client is
 * gone (reference §6).
 */
export class Mongrel2Connection implements RawOwner, ByteHolder {
  readonly id: number;
  protected readonly site: ConnectionSite;
  #client: RawClient | null = null;
  /** The handlers that were given it; the usual one, and others. */
  #tie: HandlerTie | null = null;
  #others: HandlerTie[] | null = null;
  /** It is closed, or about to be: nobody finds it any more. */
  #gone = false;
  /** Why it was ended; empty where a handler has done so. */
  #reason: ErrorCode | '' = '';
  /** Whether a request is not answered yet. */
  #awaiting = false;
  /** Whether its client sends messages, not requests: then what is written to it is no response. */
  #sendsMessages = false;
  /** What goes on at it, in order; null for nothing. */
  #parts: Set<ConnectionPart> | null = null;
  /** Null until a request is to be logged. */
  #answers: AnswerLog | null = null;
  readonly #activity: ConnectionActivity;
  /** With `download.flow_control`: bytes that handlers may still send. */
  #window = DOWNLOAD_WINDOW;

  constructor(id: number, site: ConnectionSite) {
    this.id = id;
    this.site = site;
    this.#activity = new ConnectionActivity(site.wheel.now);
  }

  /** Null until a handler has taken the first message. */
  get client(): RawClient | null {
    return this.#client;
  }

  /** Whether it is closed, or about to be. */
  get gone(): boolean {
    return this.#gone;
  }

  /** What ties it to a handler. */
  tie(sockets: HandlerSockets): HandlerTie {
    this.#tie ??= new HandlerTie(sockets);
    return this.#tie.sockets === sockets ? this.#tie : this.#otherTie(sockets);
  }

  #otherTie(sockets: HandlerSockets): HandlerTie {
    this.#others ??= [];
    const known = this.#others.find((tie) => tie.sockets === sockets);
    if (known !== undefined) return known;
    const tie = new HandlerTie(sockets);
    this.#others.push(tie);
    return tie;
  }

  /** A handler has taken a request: from now on it writes to the client. */
  take(requester: Requester): void {
    const client = requester.takeRaw?.(this);
    if (client === undefined) throw new Error('the requester is no connection');
    this.#awaiting = true;
    this.ping();
    if (this.#client === null) this.begin(client);
  }

  /** The client is known. */
  begin(client: RawClient): void {
    const { connections, counters, settings } = this.site;
    this.#client = client;
    connections.add(this);
    counters.clientsOpen++;
    if (settings.tcpKeepAlive) client.keepAlive();
  }

  /** From now on its client sends messages. */
  takeMessages(): void {
    this.#sendsMessages = true;
  }

  /** The client counts as active. */
  ping(): void {
    this.#activity.onRead(this.site.wheel.now);
  }

  /** Logs a request that a handler has taken, once it has its answer. */
  log(request: LoggedRequest): void {
    this.#answers ??= new AnswerLog(this.site.accessLog);
    this.#answers.add(request);
  }

  addPart(part: ConnectionPart): void {
    this.#parts ??= new Set();
    this.#parts.add(part);
  }

  removePart(part: ConnectionPart): void {
    this.#parts?.delete(part);
  }

  /** Uploads that follow each other may overlap: the first one that needs credits gets them. */
  #grantUpload(bytes: number): void {
    for (const part of this.#parts ?? []) {
      if (part.grant(bytes)) return;
    }
  }

  // ---- from handlers

  /** Takes an answer of a handler (reference §5): its bytes go to the client as they are, and without any the connection is closed. */
  answer(body: AnswerBody, sockets: HandlerSockets): void {
    this.#awaiting = false;
    if (body.length === 0) this.close();
    else this.write(body, sockets);
  }

  /** Takes an extended answer (reference §6.5). */
  control({ keepAlive, credits, cancel }: ControlAnswer): void {
    if (keepAlive) this.#activity.pingAt = this.site.wheel.now;
    if (credits > 0) this.#grantUpload(credits);
    if (cancel) this.cancel();
  }

  /**
   * Writes bytes to the client.
   * @param sockets of the handler that they are from; null if they are the server's own, which take no credits
   */
  protected write(body: AnswerBody, sockets: HandlerSockets | null): void {
    const client = this.#client as RawClient;
    const { site } = this;
    const { length } = body;
    if (site.settings.downloadFlowControl && sockets !== null) {
      this.#window -= length;
      if (this.#window < 0) {
        this.#overrun(`its handler sent ${-this.#window} bytes more than it had credits for`);
        return;
      }
      this.tie(sockets).owed += length;
    }
    this.#answers?.written(body.bytes);
    const waits = client.blocked;
    client.write(client.waiting > 0 ? body.kept : body.bytes);
    this.#activity.writtenAt = site.wheel.now;
    // What a socket's buffer holds is no matter here.
    if (!client.blocked) {
      this.#grant();
      return;
    }
    const held = site.held.holdAnswer(this, body, client.waiting);
    if (waits && held > (site.maxClientBytes ?? MAX_CLIENT_BYTES)) this.#overrun(`${held} bytes wait for it`);
  }

  onDrained(): void {
    this.site.held.releaseAll(this);
    this.#grant();
  }

  /** Tells each handler what the client has taken of its answers (reference §6.8). */
  #grant(): void {
    if (this.#window === DOWNLOAD_WINDOW || this.#gone) return;
    this.#window = DOWNLOAD_WINDOW;
    if (this.#tie !== null) this.#grantTo(this.#tie);
    for (const tie of this.#others ?? []) this.#grantTo(tie);
  }

  #grantTo(tie: HandlerTie): void {
    const { owed } = tie;
    if (owed === 0) return;
    tie.owed = 0;
    tie.notify(tie.sockets.messages.credits(this.id, owed), this.site);
  }

  // ---- the end

  /** A handler closes it, after what was written: it gets no notice. */
  close(): void {
    this.#leave(false, '');
    this.#client?.end();
  }

  /** A handler closes it at once: it gets no notice. */
  cancel(): void {
    this.#leave(false, '');
    this.#client?.cut();
  }

  /** It is ended here: its handlers get the notice. @param reason for the log of requests that have no response yet */
  cutOff(reason: ErrorCode | '' = ''): void {
    this.#leave(true, reason);
    this.#client?.cut();
  }

  /** It is ended here, after what was written: its handlers get the notice. @param reason as for `cutOff` */
  end(reason: ErrorCode | ''): void {
    this.#leave(true, reason);
    this.#client?.end();
  }

  /** Responds with `error` in place of the handler, unless that has begun to respond, and ends it. */
  refuse(error: ExchangeError): void {
    if (!this.#awaiting || this.#gone) {
      this.cutOff(error.code);
      return;
    }
    this.#answers?.fail(error.code);
    this.write(new AnswerBody(fixedAnswer(error)), null);
    this.end(error.code);
  }

  /** The client does not keep to its protocol, or to a bound: it is ended here. */
  onBroken(detail: string): void {
    const { counters, log } = this.site;
    counters.clientsBroken++;
    log.info({ id: this.id, peer: this.#client?.peer.address, detail }, 'client broke its protocol');
    this.cutOff('HF_WEBSOCKET_PROTOCOL');
  }

  /** No handler took a message of the client in time: it is ended here. */
  onUntaken(): void {
    const { counters, log } = this.site;
    counters.requestsUntaken++;
    log.warn({ id: this.id, peer: this.#client?.peer.address }, 'no handler took a message of a client in time');
    this.cutOff('HF_BACKEND_ABSENT');
  }

  #overrun(detail: string): void {
    const { counters, log } = this.site;
    counters.clientsOverrun++;
    log.info({ id: this.id, peer: this.#client?.peer.address, code: 'HF_CLIENT_STALLED', detail }, 'client cut off');
    this.cutOff('HF_CLIENT_STALLED');
  }

  onHeldTooMuch(): void {
    this.#overrun('held the most when too much was held for all clients');
  }

  onClosed(): void {
    this.#leave(true, 'HF_CLIENT_GONE');
    this.site.held.releaseAll(this);
    this.#answers?.end(this.#reason);
  }

  onFault(thrown: unknown): void {
    this.site.fault(thrown, { id: this.id });
    this.cutOff('HF_INTERNAL');
  }

  /** @param notify whether its handlers are told */
  #leave(notify: boolean, reason: ErrorCode | ''): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#reason = reason;
    if (this.#client === null) return;
    this.site.connections.remove(this);
    this.site.counters.clientsOpen--;
    for (const part of this.#parts ?? []) part.end();
    if (!notify) return;
    if (this.#tie !== null) this.#notify(this.#tie);
    for (const tie of this.#others ?? []) this.#notify(tie);
  }

  #notify(tie: HandlerTie): void {
    tie.notify(tie.sockets.messages.disconnect(this.id), this.site);
  }

  // ---- the killer

  /** Whether it has a request that has no response yet, or one that is not a handler's. */
  get awaits(): boolean {
    return this.#awaiting || (this.#client as RawClient).exchanging;
  }

  /** Whether a response of a handler may not be complete yet. */
  get responding(): boolean {
    return !this.#sendsMessages && this.site.wheel.now - this.#activity.writtenAt < QUIET;
  }

  /** How many of the tests of an active client it fails now. */
  failedTests(): number {
    this.#activity.look(this.#client as RawClient, this.site.wheel.now);
    return this.#activity.failedTests(this.site.settings);
  }

  /** What the control port tells of it. */
  get status(): ConnectionStatus {
    const { now } = this.site.wheel;
    this.#activity.look(this.#client as RawClient, now);
    const { pingAt, readAt, writtenAt, bytesRead, bytesWritten } = this.#activity;
    return {
      id: this.id,
      type: this.#sendsMessages ? 'socket' : 'http',
      lastPing: seconds(now - pingAt),
      lastRead: seconds(now - readAt),
      lastWrite: seconds(now - writtenAt),
      bytesRead,
      bytesWritten,
    };
  }
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000);
}
