import { ConfigError, textError } from './config-error.ts';
import { parsePort } from './host-port.ts';
import { isPlainText, shown } from './plain-text.ts';

/** The three endpoints over which an edge talks to handlers in stream mode. */
export interface StreamEndpoints {
  /** PUSH: the first message of each session. */
  readonly out: string;
  /** ROUTER: all further messages, to the handler that took the session. */
  readonly outStream: string;
  /** SUB: what handlers send. */
  readonly in: string;
}

/** The three endpoints over which outbound requests arrive in stream mode. */
export interface FetchEndpoints {
  /** PULL: the first message of each session. */
  readonly in: string;
  /** ROUTER: all further messages. */
  readonly inStream: string;
  /** PUB: responses. */
  readonly out: string;
}

type Three = readonly [string, string, string];

const EDGE_ENDINGS: Three = ['-out', '-out-stream', '-in'];
const FETCH_ENDINGS: Three = ['-in', '-in-stream', '-out'];

/** The forms of an endpoint for req mode, phrased to follow "expected". */
export const ENDPOINT_FORMS = '"ipc://PATH" or "tcp://HOST:PORT"';

/** The forms of a base for stream mode, phrased to follow "expected". */
export const BASE_FORMS = '"ipc://PATH" or "tcp://HOST:PORT", with PORT up to 65533';

/**
 * The endpoints that a base stands for: `ipc://PATH` with `-out`, `-out-stream` and `-in` after it, or `tcp://HOST:PORT` with
 * this port and the next two. Throws a `ConfigError` for any other text.
 */
export function streamEndpoints(base: string): StreamEndpoints {
  const [out, outStream, into] = threeOf(base, EDGE_ENDINGS);
  return { out, outStream, in: into };
}

/** The forms of three endpoints of `[fetch]`, phrased to follow "expected". */
export const FETCH_STREAM_FORMS = `${BASE_FORMS}, or three endpoints "IN IN-STREAM OUT" separated by spaces`;

/**
 * The endpoints that a base of `[fetch]` stands for: `ipc://PATH` with `-in`, `-in-stream` and `-out` after it, or `tcp://HOST:PORT` with this
 * port and the next two; or three endpoints as they are, separated by white space. Throws a `ConfigError`.
 */
export function parseFetchEndpoints(text: string): FetchEndpoints {
  const [first, inStream, out] = parseThree(text, FETCH_ENDINGS, FETCH_STREAM_FORMS);
  return { in: first, inStream, out };
}

/** The text that `parseFetchEndpoints` reads as `endpoints`: a base if there is one. */
export function formatFetchEndpoints({ in: first, inStream, out }: FetchEndpoints): string {
  return formatThree([first, inStream, out], FETCH_ENDINGS);
}

/** The forms of the three endpoints of an edge, phrased to follow "expected". */
export const EDGE_STREAM_FORMS = `${BASE_FORMS}, or three endpoints "OUT OUT-STREAM IN" separated by spaces`;

/** As `parseFetchEndpoints`, for the endpoints of an edge: `-out`, `-out-stream` and `-in`. Throws a `ConfigError`. */
export function parseEdgeEndpoints(text: string): StreamEndpoints {
  const [out, outStream, into] = parseThree(text, EDGE_ENDINGS, EDGE_STREAM_FORMS);
  return { out, outStream, in: into };
}

/** The text that `parseEdgeEndpoints` reads as `endpoints`: a base if there is one. */
export function formatEdgeEndpoints({ out, outStream, in: into }: StreamEndpoints): string {
  return formatThree([out, outStream, into], EDGE_ENDINGS);
}

/** Returns the base unchanged after checking that `streamEndpoints` accepts it. */
export function parseStreamBase(text: string): string {
  streamEndpoints(text);
  return text;
}

/** Returns an endpoint unchanged after checking its transport. Throws a `ConfigError`. */
export function parseZmqEndpoint(text: string): string {
  splitEndpoint(text, ENDPOINT_FORMS);
  return text;
}

/** A base, or three endpoints. @param forms what is expected */
function parseThree(text: string, endings: Three, forms: string): Three {
  const [base = '', second, third, ...more] = text.split(/ +/);
  if (second === undefined) return threeOf(base, endings);
  if (third === undefined || more.length > 0) throw textError(`expected ${forms}, got ${shown(text)}`);
  return [parseZmqEndpoint(base), parseZmqEndpoint(second), parseZmqEndpoint(third)];
}

function formatThree(endpoints: Three, endings: Three): string {
  const [first] = endpoints;
  const base = first.startsWith('ipc:') && first.endsWith(endings[0]) ? first.slice(0, -endings[0].length) : first;
  try {
    if (threeOf(base, endings).every((endpoint, index) => endpoint === endpoints[index])) return base;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return endpoints.join(' ');
}

/** A path with each of the endings, or three ports in a row. */
function threeOf(base: string, endings: Three): Three {
  const { host, port } = splitEndpoint(base, BASE_FORMS);
  const [first, second, third] = endings;
  if (port === null) return [base + first, base + second, base + third];
  if (port === 0) throw textError(`a base needs a fixed port, got ${shown(base)}`);
  if (port > 65_533)
    throw textError(`the port of ${shown(base)} must be at most 65533, to leave room for the next two`);
  return [`${host}:${port}`, `${host}:${port + 1}`, `${host}:${port + 2}`];
}

/** The part before the port of `tcp://HOST:PORT`, and the port; null for `ipc://PATH`. */
function splitEndpoint(text: string, forms: string): { readonly host: string; readonly port: number | null } {
  if (!isPlainText(text)) throw textError('an endpoint must not contain control characters');
  if (/^ipc:\/\/./.test(text)) return { host: text, port: null };
  const [, host, port] = /^(tcp:\/\/[^/\s]+):([^:\]/]*)$/.exec(text) ?? [];
  if (host === undefined || port === undefined) throw textError(`expected ${forms}, got ${shown(text)}`);
  return { host, port: parsePort(port, 0) };
}
