import type { IncomingMessage, ServerResponse } from 'node:http';

/** Bytes of a body that takes many packets. */
export const LONG = 1_000_000;

/** Responds as the path says: /stream and /hold are held on the channel `?c=`, by default `news`; any other path tells what came. */
export function answerByPath(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
  const channel = searchParams.get('c') ?? 'news';
  switch (pathname) {
    case '/stream':
      response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': channel }).end('open\n');
      break;
    case '/hold':
      response
        .writeHead(200, {
          'Grip-Hold': 'response',
          'Grip-Channel': channel,
          'Grip-Timeout': searchParams.get('t') ?? '55',
        })
        .end('nothing\n');
      break;
    case '/long':
      response.writeHead(200, { 'Content-Length': LONG }).end('x'.repeat(LONG));
      break;
    case '/missing':
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('no such thing\n');
      break;
    default:
      tell(request, response);
  }
}

async function tell(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  const { method, url, headers } = request;
  response.end(JSON.stringify({ method, url, bytes, headers }));
}
