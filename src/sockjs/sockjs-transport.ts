import type { HeaderList, RequestHead } from '../exchange/index.ts';
import { sockJsFields } from './sockjs-responses.ts';

/** How frames travel to a client in the response to a request of its. */
export interface SockJsTransport {
  readonly contentType: string;
  /** Sent before the first frame. */
  readonly prelude: string;
  /** Whether one response carries many frames. */
  readonly streaming: boolean;
  /** @param callback of JSONP, else empty */
  readonly encode: (frame: string, callback: string) => string;
}

const XHR: SockJsTransport = {
  contentType: 'text/plain',
  prelude: '',
  streaming: false,
  encode: (frame) => `${frame}\n`,
};

const JSONP: SockJsTransport = {
  contentType: 'application/javascript',
  prelude: '',
  streaming: false,
  encode: (frame, callback) => `/**/${callback}(${JSON.stringify(frame)});\n`,
};

const XHR_STREAMING: SockJsTransport = {
  contentType: 'application/javascript; charset=UTF-8',
  // Some browsers show nothing of a response before they have this much of it.
  prelude: `${'h'.repeat(2_048)}\n`,
  streaming: true,
  encode: (frame) => `${frame}\n`,
};

const EVENTSOURCE: SockJsTransport = {
  contentType: 'text/event-stream',
  prelude: '\r\n',
  streaming: true,
  encode: (frame) => `data: ${frame}\r\n\r\n`,
};

/** The transports of frames to a client, by the last part of the path, with the methods that open a session. */
export const TRANSPORTS: ReadonlyMap<
  string,
  { readonly transport: SockJsTransport; readonly methods: readonly string[] }
> = new Map([
  ['xhr', { transport: XHR, methods: ['POST'] }],
  ['jsonp', { transport: JSONP, methods: ['GET', 'POST'] }],
  ['xhr_streaming', { transport: XHR_STREAMING, methods: ['POST'] }],
  ['eventsource', { transport: EVENTSOURCE, methods: ['GET'] }],
]);

/** The fields of a response with frames. */
export function transportFields({ contentType }: SockJsTransport, request: RequestHead): HeaderList {
  const fields = ['Content-Type', contentType, ...sockJsFields(request)];
  if (contentType === 'application/javascript') fields.push('X-Content-Type-Options', 'nosniff');
  return fields;
}
