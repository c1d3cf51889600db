import { ExchangeError, type Requester, type RequestHead, type Responder, UNKNOWN_LENGTH } from '../exchange/index.ts';
import type { PushPeer } from '../zmq/index.ts';
import type { ConnectionPart } from './connection-part.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import type { HandlerTie } from './handler-tie.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';
import type { SiteContext } from './site-context.ts';
import { SpooledUpload } from './spooled-upload.ts';
import { StreamedUpload } from './streamed-upload.ts';
import type { WaitingMessage } from './untaken-messages.ts';
import type { UploadHeader, UploadMessages } from './upload-messages.ts';
import type { UploadStore } from './upload-store.ts';

/** The route of uploads. */
export interface UploadTarget {
  readonly site: SiteContext;
  readonly sockets: HandlerSockets;
  /** A message with the request, and with headers that others lack. */
  uploadRequest(connection: Mongrel2Connection, request: RequestHead, extra: string, body: Buffer): Buffer | string;
  /** A further part, which has only those headers. */
  uploadPart(connection: Mongrel2Connection, request: RequestHead, extra: string, body: Buffer): Buffer | string;
  /** A process has taken the first message. */
  take(connection: Mongrel2Connection, request: RequestHead, requester: Requester, accept: string): void;
  /** The request fails: notes it in the access log. */
  logFailure(request: RequestHead, error: ExchangeError): void;
}

/** A message of an upload that no process takes now. */
class WaitingPart implements WaitingMessage {
  readonly message: Buffer | string;
  readonly peer: PushPeer | null;
  readonly #upload: HandlerUpload;

  constructor(upload: HandlerUpload, message: Buffer | string, peer: PushPeer | null) {
    this.#upload = upload;
    this.message = message;
    this.peer = peer;
  }

  onTaken(peer: PushPeer): void {
    this.#upload.onTaken(this, peer);
  }

  onUntaken(): void {
    this.#upload.onUntaken(this);
  }

  onFault(thrown: unknown): void {
    this.#upload.fault(thrown);
  }
}

/**
 * A request whose body is too large for one message, or has no length that is known: what passes between its client, what is done with the body, and
 * the handler. While a message waits for a process the client is not read.
 */
export class HandlerUpload implements Responder, UploadMessages, ConnectionPart {
  readonly #target: UploadTarget;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #connection: Mongrel2Connection;
  readonly #tie: HandlerTie;
  readonly #body: SpooledUpload | StreamedUpload;
  readonly #waiting = new Set<WaitingPart>();
  /** A process has the first message: from then on the handler responds. */
  #taken = false;
  /** The last message has been sent, or waits. */
  #complete = false;
  #over = false;

  /** @param store for the body; null: it is streamed */
  constructor(
    target: UploadTarget,
    request: RequestHead,
    requester: Requester,
    connection: Mongrel2Connection,
    store: UploadStore | null,
  ) {
    this.#target = target;
    this.#request = request;
    this.#requester = requester;
    this.#connection = connection;
    this.#tie = connection.tie(target.sockets);
    this.#body =
      store === null
        ? new StreamedUpload(requester, this, request.bodyLength === UNKNOWN_LENGTH, target.site.turn)
        : new SpooledUpload(store, requester, this);
  }

  start(): void {
    this.#body.start();
  }

  // ---- the client

  onRequestData(chunk: Buffer, more: boolean): void {
    this.#body.onRequestData(chunk, more);
  }

  /** It has left, or its body broke off. */
  onRequestError(): void {
    this.end();
  }

  onResponseCredit(): void {}

  // ---- the handler

  grant(bytes: number): boolean {
    return this.#body.grant(bytes);
  }

  sendRequest(extra: string, body: Buffer, last: boolean): boolean {
    return this.#send(this.#target.uploadRequest(this.#connection, this.#request, extra, body), last);
  }

  sendPart(extra: string, body: Buffer, last: boolean): boolean {
    return this.#send(this.#target.uploadPart(this.#connection, this.#request, extra, body), last);
  }

  pair(name: UploadHeader, value: string): string {
    return this.#target.sockets.messages.extra(name, value);
  }

  #send(message: Buffer | string, last: boolean): boolean {
    if (this.#over) return false;
    this.#complete = last;
    if (this.#tie.send(message)) {
      this.#onSent();
      return true;
    }
    const part = new WaitingPart(this, message, this.#tie.peer);
    if (!this.#tie.sockets.wait(part)) {
      this.#untaken('too many messages wait for the handler');
      return false;
    }
    this.#waiting.add(part);
    this.#requester.pauseRequest(true);
    return true;
  }

  onTaken(part: WaitingPart, peer: PushPeer): void {
    this.#tie.taken(peer);
    this.#waiting.delete(part);
    this.#onSent();
    if (this.#waiting.size === 0) this.#requester.pauseRequest(false);
  }

  onUntaken(part: WaitingPart): void {
    this.#waiting.delete(part);
    this.#untaken('no handler took the upload in time');
  }

  #onSent(): void {
    if (!this.#taken) {
      this.#taken = true;
      this.#target.take(this.#connection, this.#request, this.#requester, '');
      this.#connection.addPart(this);
    }
    if (!this.#complete || this.#waiting.size > 0) return;
    this.#leave();
    this.#body.onDelivered();
  }

  #untaken(detail: string): void {
    this.#target.site.counters.requestsUntaken++;
    this.fail(new ExchangeError('HF_BACKEND_ABSENT', detail));
  }

  // ---- the end

  fail(error: ExchangeError): void {
    if (this.#over) return;
    const { id, peer } = this.#request;
    const { code, detail, face } = error;
    this.#target.site.log[face.level]({ id, peer: peer.address, code, detail }, 'upload failed');
    this.end();
    if (this.#taken) {
      this.#connection.refuse(error);
      return;
    }
    this.#target.logFailure(this.#request, error);
    this.#requester.onResponseError(error);
  }

  fault(thrown: unknown): void {
    this.#target.site.fault(thrown, { id: this.#request.id });
    this.fail(new ExchangeError('HF_INTERNAL'));
  }

  /** The connection is closed, or the upload is given up. */
  end(): void {
    if (this.#over) return;
    this.#leave();
    for (const part of this.#waiting) this.#tie.sockets.withdraw(part);
    this.#waiting.clear();
    this.#body.onRequestError();
  }

  #leave(): void {
    this.#over = true;
    this.#connection.removePart(this);
  }
}
