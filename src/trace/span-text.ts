import { fieldValue } from '../codec/fields/index.ts';
import { hostOf, pathOf } from '../codec/http1/index.ts';
import { ERRORS, type ExchangeRecord, type RecordedSpan } from '../exchange/index.ts';
import { Attributes } from './attributes.ts';

/** What a span is of: a request that came here, or one that was made here. */
export type SpanKind = 'server' | 'client';

/** As OTLP numbers them. */
const KINDS: Readonly<Record<SpanKind, number>> = { server: 2, client: 3 };

const ERROR_STATUS = ',"status":{"code":2}';

/** Methods that are named as they are. Anybody can send others, and names of spans must be few (semantic conventions of HTTP). */
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'],
]);

/**
 * The span of an exchange as OTLP's JSON has it, with the attributes of the semantic conventions of HTTP.
 * @param end when it ended, by `performance.now`
 */
export function spanText(record: ExchangeRecord, span: RecordedSpan, kind: SpanKind, end: number): string {
  const { traceId, spanId, parentId, state } = span;
  const { method } = record.request;
  const known = METHODS.has(method) ? method : 'HTTP';
  const name = record.route === '' ? known : `${known} ${record.route}`;
  const parent = parentId === '' ? '' : `,"parentSpanId":"${parentId}"`;
  const trace = state === '' ? '' : `,"traceState":${JSON.stringify(state)}`;
  const failed = isFailure(record, kind);
  return (
    `{"traceId":"${traceId}","spanId":"${spanId}"${parent}${trace},"flags":${parent === '' ? ROOT : REMOTE},"name":${JSON.stringify(name)},` +
    `"kind":${KINDS[kind]},"startTimeUnixNano":"${unixNano(record.startedAt)}","endTimeUnixNano":"${unixNano(end)}",` +
    `"attributes":[${attributesOf(record, kind, failed, end).text}]${failed ? ERROR_STATUS : ''}}`
  );
}

/** Flags of a span: sampled, and that it is known whether its parent is remote. Here it has none. */
const ROOT = 0x101;

/** The same of a span whose parent is remote. */
const REMOTE = 0x301;

function attributesOf(record: ExchangeRecord, kind: SpanKind, failed: boolean, end: number): Attributes {
  const { request, status, route, client, origin, heldAt, originTime, error } = record;
  const { method, target, authority, headers, peer } = request;
  const all = new Attributes();
  all.string('http.request.method', METHODS.has(method) ? method : '_OTHER');
  if (!METHODS.has(method)) all.string('http.request.method_original', method);
  if (isTarget(target)) addTarget(all, target, authority);
  else addUri(all, target, kind);
  all.string('http.route', route);
  if (status > 0) all.int('http.response.status_code', status);
  if (failed) all.string('error.type', error === '' ? String(status) : error);
  all.string('client.address', client);
  if (peer.address !== '') {
    all.string('network.peer.address', peer.address);
    if (peer.port > 0) all.int('network.peer.port', peer.port);
  }
  all.string('network.protocol.version', request.version);
  all.string('user_agent.original', fieldValue(headers, 'user-agent') ?? '');
  all.int('http.request.body.size', record.requestBytes);
  all.int('http.response.body.size', record.responseBytes);
  all.string('holdfast.id', request.id);
  all.string('holdfast.error', error);
  all.string('holdfast.target', origin);
  if (originTime >= 0) all.double('holdfast.target.seconds', originTime / 1_000);
  if (record.webSocket) all.string('network.protocol.name', 'websocket');
  if (heldAt > 0) all.double('holdfast.held.seconds', (end - heldAt) / 1_000);
  if (record.items > 0) all.int('holdfast.items', record.items);
  return all;
}

/** Whether it is a path, not a URI as requests over ZHTTP have it. */
function isTarget(target: string): boolean {
  return target === '' || target === '*' || target.startsWith('/');
}

/** The query stays here: it may have credentials. */
function addTarget(all: Attributes, target: string, authority: string): void {
  all.string('url.path', pathOf(target));
  const host = hostOf(authority);
  all.string('server.address', host);
  const port = Number(authority.slice(host.length + 1));
  if (port > 0) all.int('server.port', port);
}

/** A URI without credentials and query. */
function addUri(all: Attributes, uri: string, kind: SpanKind): void {
  if (!URL.canParse(uri)) return;
  const { protocol, host, hostname, port, pathname } = new URL(uri);
  if (kind === 'client') all.string('url.full', `${protocol}//${host}${pathname}`);
  else all.string('url.path', pathname);
  all.string('server.address', hostname);
  all.int('server.port', port === '' ? (protocol === 'https:' || protocol === 'wss:' ? 443 : 80) : Number(port));
}

/** Whether it counts as failed: for a server, a client's mistake is not a failure of its own. */
function isFailure({ error, status }: ExchangeRecord, kind: SpanKind): boolean {
  if (status >= 500) return true;
  if (kind === 'client') return error !== '' || status >= 400;
  return error !== '' && ERRORS[error].cause !== 'client';
}

/** Nanoseconds since 1970, which JSON of protobuf writes as text. They are exact to the microsecond: a number has no room for more. */
function unixNano(at: number): string {
  return `${Math.round((performance.timeOrigin + at) * 1_000)}000`;
}
