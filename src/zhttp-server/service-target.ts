import { isIP } from 'node:net';
import { isFieldText, isHost, isTargetText, isToken } from '../codec/http1/index.ts';
import type { RequestPacket } from '../codec/zhttp/index.ts';
import {
  ExchangeError,
  errorResponse,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
  type Service,
  type WebSocketRequester,
  type WebSocketResponder,
  type WebSocketService,
} from '../exchange/index.ts';
import { type RequestIds, requestIdOf } from '../server/index.ts';
import type { ServerTarget, TargetRequest } from './server-target.ts';

/** Scheme, authority, and the rest without a fragment, which is never sent (RFC 9112 §3.2). */
const URI = /^(https?|wss?):\/\/([^/?*]*)(.*)$/is;

/**
 * Gives requests to a service, as a server gives it those of its own connections: the service of a proxy behind an edge that is another
 * program. What the edge has let through is checked again, because not every edge reads HTTP as strictly; a client whose request is not valid
 * gets a 400.
 */
export class ServiceTarget implements ServerTarget {
  readonly framed = false;
  readonly outbound = false;
  readonly #service: Service;
  readonly #webSocketService: WebSocketService;
  readonly #requestIds: RequestIds | null;

  constructor(services: {
    readonly service: Service;
    readonly webSocketService: WebSocketService;
    /** What becomes of X-Request-Id. Absent: it passes as any other field. */
    readonly requestIds?: RequestIds;
  }) {
    this.#requestIds = services.requestIds ?? null;
    this.#service = services.service;
    this.#webSocketService = services.webSocketService;
  }

  request(request: TargetRequest, requester: Requester): Responder {
    const head = this.#head(request, requester);
    return head === null ? NO_RESPONDER : this.#service(head, requester);
  }

  openWebSocket(request: TargetRequest, requester: WebSocketRequester): WebSocketResponder {
    const head = this.#head(request, requester);
    return head === null ? NO_RESPONDER : this.#webSocketService(head, requester);
  }

  /** Null for a request that is not valid, to which the client has its response. */
  #head(request: TargetRequest, requester: Requester): RequestHead | null {
    const head = headOf(request);
    if (typeof head !== 'string') return this.#named(head);
    respond(requester, errorResponse(new ExchangeError('HF_BAD_REQUEST', head), false));
    return null;
  }

  /** The request with its id. */
  #named(head: RequestHead): RequestHead {
    const ids = this.#requestIds;
    if (ids === null || ids.mode === 'off') return head;
    const named = { ...head, ...requestIdOf(head.headers, ids.mode, `${ids.prefix}-${head.id}`) };
    if (head.record != null) head.record.requestId = named.requestId;
    return named;
  }
}

/** The head of a request, or what is wrong with it. */
function headOf({ id, packet, bodyLength, credits, record }: TargetRequest): RequestHead | string {
  const parts = URI.exec(packet.uri);
  if (parts === null) return 'invalid URI';
  const [, scheme = '', authority = '', rest = ''] = parts;
  const { method, headers, peerAddress, peerPort } = packet;
  const target = targetOf(method, rest);
  if (!isHost(authority)) return 'invalid host';
  if (!isTargetText(target)) return 'invalid request target';
  // The handshake of a WebSocket is a GET, and need not say so.
  if (method !== '' && !isToken(method)) return 'invalid method';
  if (method === 'CONNECT') return 'CONNECT is not supported';
  const fault = faultOf(headers);
  if (fault !== null) return fault;
  return {
    id,
    method: method === '' ? 'GET' : method,
    target,
    scheme: scheme.toLowerCase() as RequestHead['scheme'],
    authority,
    version: '1.1',
    headers,
    bodyLength,
    // It may become a header field.
    peer: { address: isIP(peerAddress) === 0 ? '' : peerAddress, port: peerPort },
    credits,
    record,
  };
}

/** The path and query. RFC 9112 §3.2.4: the asterisk of OPTIONS stands for no path at all. */
function targetOf(method: string, rest: string): string {
  if (rest.startsWith('/')) return rest;
  if (method === 'OPTIONS' && (rest === '' || rest === '*')) return '*';
  return `/${rest}`;
}

function faultOf(headers: RequestPacket['headers']): string | null {
  for (let i = 0; i < headers.length; i += 2) {
    if (!isToken(headers[i] as string)) return 'invalid header name';
    if (!isFieldText(headers[i + 1] as string)) return 'invalid header value';
  }
  return null;
}
