import { type FieldList, fieldValue, ListTexts } from '../fields/index.ts';
import { clientHeaders, FORWARDED_FOR, type UPLOAD_DONE, type UPLOAD_START } from './client-headers.ts';
import { HEADER_FORMS, type HeaderForm, type HeaderProtocol } from './header-form.ts';
import { KeptTexts } from './kept-texts.ts';

/** Where a client's connection comes from: an object that stands for it as long as it lives. */
interface PeerAddress {
  readonly address: string;
  readonly port: number;
  /** SHA-1 of the client's certificate: 40 hexadecimal digits. Absent without one. */
  readonly certificateSha1?: string;
}

/** A request as handlers get it. The texts are latin1, one character per byte. */
export interface HandlerRequest {
  readonly method: string;
  /** Path and query in origin-form. */
  readonly target: string;
  readonly scheme: 'http' | 'https' | 'ws' | 'wss';
  readonly version: '1.0' | '1.1' | '2';
  /** Flat list that is not changed any more; one that comes again is written faster. */
  readonly headers: FieldList;
  /** Fields of this request alone, which the server has added. Default: none. */
  readonly ownFields?: FieldList;
  readonly peer: PeerAddress;
}

/** What one handler's messages have in common. */
export interface HandlerMessagesOptions {
  /** Names the server in each message: `send_ident`. ASCII without spaces. */
  readonly ident: string;
  readonly protocol: HeaderProtocol;
  /** Whether the client's own `x-forwarded-for` stays, if it sends one. */
  readonly keepForwardedFor: boolean;
}

/** Names of pseudo headers that some messages have. */
export type ExtraHeader =
  | 'DOWNLOAD_CREDITS'
  | 'FLAGS'
  | 'UPLOAD_STREAM'
  | 'UPLOAD_STREAM_DONE'
  | typeof UPLOAD_START
  | typeof UPLOAD_DONE;

const NO_BODY = Buffer.alloc(0);

/** Shorter bodies become text like everything around them: joining bytes and text costs more. */
const TEXT_BYTES = 1_024;

/** Texts of longer targets and methods are not kept. */
const KEPT_TARGET = 512;
const KEPT_METHOD = 32;

/**
 * Writes the messages to one handler: `UUID ID PATH SIZE:HEADERS,SIZE:BODY,`. Each request has one, and most of its text came before: so it is put
 * together from few pieces. Messages are latin1 text, or bytes if the body is long.
 */
export class HandlerMessages {
  readonly #form: HeaderForm;
  readonly #keepForwardedFor: boolean;
  readonly #before: string;
  readonly #client: ListTexts;
  /** PATH of a target, and URI with QUERY. */
  readonly #targets: KeptTexts<string>;
  /** `x-forwarded-for` of a peer, and REMOTE_ADDR with PEER_CERT_SHA1. */
  readonly #peers: KeptTexts<PeerAddress>;
  /** METHOD of a method, without and with VERSION 1.1. */
  readonly #methods: KeptTexts<string>;
  readonly #http: string;
  readonly #https: string;
  readonly #disconnect: string;

  constructor({ ident, protocol, keepForwardedFor }: HandlerMessagesOptions) {
    const form = HEADER_FORMS[protocol];
    this.#form = form;
    this.#keepForwardedFor = keepForwardedFor;
    this.#before = `${ident} `;
    this.#client = new ListTexts((headers) => clientHeaders(headers, form, keepForwardedFor));
    this.#targets = new KeptTexts(targetHash, (target) => targetPairs(form, target));
    this.#peers = new KeptTexts(peerHash, (peer) => [form.pair(FORWARDED_FOR, peer.address), remotePairs(form, peer)]);
    this.#methods = new KeptTexts(textHash, (method) => methodPairs(form, method));
    this.#http = form.pair('URL_SCHEME', 'http');
    this.#https = form.pair('URL_SCHEME', 'https');
    this.#disconnect = ` @* ${form.block(form.pair('METHOD', 'JSON'), '', '')}21:{"type":"disconnect"},`;
  }

  /** The pair of PATTERN for a route, as the methods of this object want it. @param path the route as the configuration has it */
  pattern(path: string): string {
    return this.#form.pair('PATTERN', bytesOf(path));
  }

  /** The pair of a header that only some messages have. */
  extra(name: ExtraHeader, value: string): string {
    return this.#form.pair(name, value);
  }

  /**
   * Writes a request.
   * @param id number of the connection
   * @param pattern made by `pattern`
   * @param extra pairs made by `extra`, one after the other
   * @param method in place of the request's: `WEBSOCKET` and `WEBSOCKET_HANDSHAKE`
   */
  request(
    id: number,
    request: HandlerRequest,
    pattern: string,
    extra = '',
    body: Buffer = NO_BODY,
    method: string = request.method,
  ): Buffer | string {
    return this.#request(id, request, this.#clientOf(request), pattern, extra, body, method);
  }

  /** The pairs of a request's headers, for `frame`. */
  clientPairs(request: Pick<HandlerRequest, 'headers' | 'ownFields'>): string {
    // Flat, so that it keeps no other text alive.
    return Buffer.from(this.#clientOf(request), 'latin1').toString('latin1');
  }

  #clientOf({ headers, ownFields }: Pick<HandlerRequest, 'headers' | 'ownFields'>): string {
    const client = this.#client.of(headers);
    if (ownFields === undefined || ownFields.length === 0) return client;
    return client + clientHeaders(ownFields, this.#form, this.#keepForwardedFor);
  }

  /**
   * Writes a message of a WebSocket.
   * @param request its opening handshake
   * @param client made of the request's headers by `clientPairs`: many messages have them
   * @param flags first byte of the frame
   */
  frame(
    id: number,
    request: HandlerRequest,
    client: string,
    pattern: string,
    flags: number,
    payload: Buffer,
  ): Buffer | string {
    const extra = this.#form.pair('FLAGS', `0x${flags.toString(16).toUpperCase()}`);
    return this.#request(id, request, client, pattern, extra, payload, 'WEBSOCKET');
  }

  #request(
    id: number,
    request: HandlerRequest,
    client: string,
    pattern: string,
    extra: string,
    body: Buffer,
    method: string,
  ): Buffer | string {
    const { target, scheme, headers, version } = request;
    const targets = target.length <= KEPT_TARGET ? this.#targets.of(target) : targetPairs(this.#form, target);
    const [path, pathPair, uriPairs] = targets as [string, string, string];
    const [forwardedFor, remote] = this.#peers.of(request.peer) as [string, string];
    const methods = method.length <= KEPT_METHOD ? this.#methods.of(method) : methodPairs(this.#form, method);
    const [methodPair, methodAndVersion] = methods as [string, string];
    const ownForwardedFor = this.#keepForwardedFor && fieldValue(headers, FORWARDED_FOR) !== undefined;
    const pseudo =
      (version === '1.1' ? methodAndVersion : methodPair + this.#form.pair('VERSION', `HTTP/${version}`)) +
      uriPairs +
      pattern +
      (scheme === 'https' || scheme === 'wss' ? this.#https : this.#http) +
      remote +
      extra;
    const block = this.#form.block(pathPair, ownForwardedFor ? client : forwardedFor + client, pseudo);
    return message(`${this.#before}${id} ${path} ${block}`, body);
  }

  /**
   * Writes a further part of a streamed upload, which has only these headers.
   * @param path of the request
   * @param extra as for `request`
   */
  uploadPart(id: number, path: string, extra: string, body: Buffer): Buffer | string {
    const form = this.#form;
    return message(`${this.#before}${id} ${path} ${form.block(form.pair('PATH', path), '', extra)}`, body);
  }

  /**
   * Writes a message of a JSON or XML socket.
   * @param path `@ROUTE` or `<TAG`
   */
  socketMessage(
    id: number,
    method: 'JSON' | 'XML',
    path: string,
    pattern: string,
    address: string,
    body: Buffer,
  ): Buffer | string {
    const form = this.#form;
    const pseudo = form.pair('METHOD', method) + pattern + form.pair('REMOTE_ADDR', address);
    const headers = form.block(form.pair('PATH', path), form.pair(FORWARDED_FOR, address), pseudo);
    return message(`${this.#before}${id} ${path} ${headers}`, body);
  }

  /** Writes the notice that a connection is gone. */
  disconnect(id: number): string {
    return this.#before + id + this.#disconnect;
  }

  /** Writes the notice that so many bytes of answers have been sent to the client. */
  credits(id: number, bytes: number): string {
    const form = this.#form;
    const headers = form.block(form.pair('METHOD', 'JSON'), '', form.pair('DOWNLOAD_CREDITS', String(bytes)));
    return `${this.#before}${id} @* ${headers}18:{"type":"credits"},`;
  }
}

function remotePairs(form: HeaderForm, { address, certificateSha1 }: PeerAddress): string {
  const remote = form.pair('REMOTE_ADDR', address);
  // Mongrel2 prints a byte more than the hash has (reference §10), and handlers compare the whole text.
  return certificateSha1 === undefined ? remote : remote + form.pair('PEER_CERT_SHA1', `${certificateSha1}00`);
}

/** Path of a target, its pair, and the pairs of URI and QUERY. */
function targetPairs(form: HeaderForm, target: string): readonly string[] {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : form.pair('QUERY', target.slice(mark + 1));
  return [path, form.pair('PATH', path), form.pair('URI', target) + query];
}

function methodPairs(form: HeaderForm, method: string): readonly string[] {
  const pair = form.pair('METHOD', method);
  return [pair, pair + form.pair('VERSION', 'HTTP/1.1')];
}

function targetHash(target: string): number {
  const { length } = target;
  return length * 5 + (target.charCodeAt(length - 1) | 0) * 7 + (target.charCodeAt(length >> 1) | 0) * 11;
}

function peerHash({ port }: PeerAddress): number {
  return port;
}

function textHash(method: string): number {
  return method.length * 5 + (method.charCodeAt(0) | 0);
}

function message(head: string, body: Buffer): Buffer | string {
  const { length } = body;
  if (length === 0) return `${head}0:,`;
  if (length < TEXT_BYTES) return `${head}${length}:${body.toString('latin1')},`;
  const before = `${head}${length}:`;
  const whole = Buffer.allocUnsafe(before.length + length + 1);
  whole.write(before, 0, 'latin1');
  body.copy(whole, before.length);
  whole[before.length + length] = 0x2c;
  return whole;
}

/** A text of the configuration as latin1 text of its UTF-8 bytes. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}
