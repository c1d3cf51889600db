import { textError } from './config-error.ts';
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

/** What an endpoint for req mode looks like, to be read after "expected". */
export const ENDPOINT_FORMS = '"ipc://PATH" or "tcp://HOST:PORT"';

/** What a base for stream mode looks like, to be read after "expected". */
export const BASE_FORMS = '"ipc://PATH" or "tcp://HOST:PORT", with PORT up to 65533';

/**
 * The endpoints that a base stands for: `ipc://PATH` with `-out`, `-out-stream` and `-in` after it, or `tcp://HOST:PORT` with
 * this port and the next two. Throws a `ConfigError` for any other text.
 */
export function streamEndpoints(base: string): StreamEndpoints {
  const { host, port } = splitEndpoint(base, BASE_FORMS);
  if (port === null) return { out: `${base}-out`, outStream: `${base}-out-stream`, in: `${base}-in` };
  if (port === 0) throw textError(`a base needs a port of its own, got ${shown(base)}`);
  if (port > 65_533) throw textError(`there must be two more ports after that of ${shown(base)}: it is 65533 at most`);
  return { out: `${host}:${port}`, outStream: `${host}:${port + 1}`, in: `${host}:${port + 2}` };
}

/** The base as it is, once it is known that `streamEndpoints` takes it. */
export function parseStreamBase(text: string): string {
  streamEndpoints(text);
  return text;
}

/** An endpoint as it is, once it is known to have a transport that there is. Throws a `ConfigError`. */
export function parseZmqEndpoint(text: string): string {
  splitEndpoint(text, ENDPOINT_FORMS);
  return text;
}

/** The part before the port of `tcp://HOST:PORT`, and the port; null for `ipc://PATH`. */
function splitEndpoint(text: string, forms: string): { readonly host: string; readonly port: number | null } {
  if (!isPlainText(text)) throw textError('an endpoint must not have control characters');
  if (/^ipc:\/\/./.test(text)) return { host: text, port: null };
  const [, host, port] = /^(tcp:\/\/[^/\s]+):([^:\]/]*)$/.exec(text) ?? [];
  if (host === undefined || port === undefined) throw textError(`expected ${forms}, got ${shown(text)}`);
  return { host, port: parsePort(port, 0) };
}
