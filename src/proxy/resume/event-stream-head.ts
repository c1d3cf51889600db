import {
  contentCodings,
  fieldValues,
  hasMediaType,
  listMembers,
  nameIs,
  withoutFields,
} from '../../codec/fields/index.ts';
import { type HeaderList, type ResponseHead, UNKNOWN_LENGTH } from '../../exchange/index.ts';

const EVENT_STREAM = 'text/event-stream';

/** Fields about the bytes of the origin, which are not those that the client gets. */
const ABOUT_BYTES: ReadonlySet<string> = new Set([
  ...['content-length', 'accept-ranges', 'etag', 'content-md5', 'digest', 'content-digest', 'repr-digest'],
  ...['last-event-id', 'x-accel-buffering'],
]);

/** Fields for the client whose request it was, and for nobody else. */
const PERSONAL: ReadonlySet<string> = new Set([
  ...['set-cookie', 'set-cookie2', 'authentication-info', 'proxy-authentication-info'],
]);

/** Whether the response is an event stream whose events can be read here. */
export function isReadable({ status, headers }: ResponseHead): boolean {
  return status === 200 && hasMediaType(headers, EVENT_STREAM) && contentCodings(headers).length === 0;
}

/**
 * The head of an event stream that gets event ids. Proxies are told to pass each event on at once, and to change nothing.
 * @param beginning id of the place before the first event
 */
export function resumableHead(head: ResponseHead, beginning: string): ResponseHead {
  const headers = withoutFields(head.headers, (name) => ABOUT_BYTES.has(name));
  headers.push('X-Accel-Buffering', 'no', 'Last-Event-ID', beginning);
  return { ...head, headers: untransformed(headers), bodyLength: UNKNOWN_LENGTH };
}

/** The head as a client that comes back gets it. */
export function resumedHead(head: ResponseHead): ResponseHead {
  return { ...head, headers: withoutFields(head.headers, (name) => PERSONAL.has(name)) };
}

function untransformed(headers: HeaderList): HeaderList {
  const directives = listMembers(fieldValues(headers, 'cache-control'));
  if (directives.some((directive) => nameIs(directive, 'no-transform'))) return headers;
  const others = withoutFields(headers, (name) => name === 'cache-control');
  return [...others, 'Cache-Control', [...directives, 'no-transform'].join(', ')];
}
