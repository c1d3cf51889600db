// A live board: what one visitor writes appears at once in the browsers of all the others.
//
// This is the origin: an ordinary web server that responds to every request at once. It holds no connection open and
// does not know who is watching. That is Holdfast's part, which stands in front of it:
//
//   browser --- GET /events ---> Holdfast --- GET /events ---> this server: "keep that client, on channel board"
//   browser <-- new messages --- Holdfast <-- POST /publish/ -- this server, or any other program
//
// `npm start` runs both. To run them apart:
//
//   node examples/board/server.mjs
//   bin/holdfast run --route '*,sig_key=changeme localhost:8000,over_http'      and open http://localhost:7999/
//
// With over_http browsers may use a WebSocket too: Holdfast holds it, and this server gets its messages in ordinary requests.
// With sig_key requests are signed, so that an origin which uses a GRIP library recognizes Holdfast. This one does not look at it.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { readEvents, writeEvents } from './websocket-events.mjs';

/** Everybody who watches the board is subscribed to this channel. */
const CHANNEL = 'board';

/** Number of earlier messages that a new visitor sees. */
const MAX_RECENT = 50;

/** Bytes of a request body, and characters of its parts. */
const MAX_BODY = 4096;
const MAX_NAME = 40;
const MAX_TEXT = 500;

const EXPECTED = `Expected {"name": "…", "text": "…"}, a name of 1 to ${MAX_NAME} and a text of 1 to ${MAX_TEXT} characters.`;

const PAGE = readFileSync(new URL('index.html', import.meta.url));

/**
 * Starts the board on a port of this machine; 0 takes a free one. `controlUrl` is where Holdfast takes what is published.
 * Returns the `http.Server` once it listens.
 */
export async function startBoard({ port = 8000, controlUrl = 'http://localhost:5561' } = {}) {
  const recent = new Set();

  const routes = {
    'GET /': showPage,
    'GET /events': streamEvents,
    'GET /next': waitForNext,
    'POST /messages': takeMessage,
    'POST /socket': takeEvents,
  };

  const server = createServer(async (request, response) => {
    try {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const path = request.url.split('?', 1)[0];
      await (routes[`${method} ${path}`] ?? notFound)(request, response);
    } catch (error) {
      console.error(`${request.method} ${request.url}: ${error.message}`);
      respond(response, 503, 'The message could not be published.');
    }
  });

  function showPage(_request, response) {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(PAGE);
  }

  // The page's EventSource asks for this. The response ends here, but not for the browser: Holdfast passes the body on, keeps the
  // connection open, and adds whatever is published to the channel. The Grip fields are for Holdfast; the browser never sees them.
  function streamEvents(_request, response) {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'Grip-Hold': 'stream',
      'Grip-Channel': CHANNEL,
      // After 20 quiet seconds Holdfast sends a comment, which EventSource ignores: so that no proxy on the way closes the connection.
      'Grip-Keep-Alive': ':\\n\\n; format=cstring; timeout=20',
    });
    // A browser that reconnects gets these again; the page recognizes them by their ids.
    response.end(`retry: 1000\n\n${[...recent].map(toEvent).join('')}`);
  }

  // Long-polling, as in `curl http://localhost:7999/next`: Holdfast sends nothing until something is published, which is then the
  // whole response. If nothing is published within the timeout, the client gets the response below.
  function waitForNext(_request, response) {
    response.writeHead(204, {
      'Cache-Control': 'no-store',
      'Grip-Hold': 'response',
      'Grip-Channel': CHANNEL,
      'Grip-Timeout': '55',
    });
    response.end();
  }

  async function takeMessage(request, response) {
    // Another site's form cannot send this type, so no browser can be tricked into writing here.
    if (request.headers['content-type'] !== 'application/json') {
      respond(response, 415, 'Expected application/json.');
      return;
    }
    const body = await readBody(request);
    if (body === null) {
      respond(response, 413, `Expected at most ${MAX_BODY} bytes.`);
      return;
    }
    const message = readMessage(body);
    if (message === null) {
      respond(response, 400, EXPECTED);
      return;
    }
    await add(message);
    respond(response, 200, 'Published.');
  }

  // What a browser sends over a WebSocket comes here as a request with events, and the events of the response go back to it. The first
  // request has an OPEN, which one with OPEN accepts. Later ones have what the browser wrote.
  async function takeEvents(request, response) {
    const { origin, host, 'content-type': type } = request.headers;
    // Browsers let every page open a WebSocket anywhere, so pages of other sites are turned away here.
    if (
      type !== 'application/websocket-events' ||
      (origin !== undefined && origin.replace(/^https?:\/\//, '') !== host)
    ) {
      respond(response, 403, 'Expected a WebSocket of a page of this site.');
      return;
    }
    const body = await readBody(request);
    const events = body === null ? null : readEvents(body);
    if (events === null) {
      respond(response, 400, 'Expected events.');
      return;
    }
    const replies = [];
    for (const { type, content } of events) {
      if (type === 'OPEN')
        replies.push({ type }, control({ type: 'subscribe', channel: CHANNEL }), ...[...recent].map(toBrowser));
      else if (type === 'TEXT') replies.push(...(await takeText(content)));
      else if (type === 'CLOSE') replies.push({ type, content });
    }
    response.writeHead(200, {
      'Content-Type': 'application/websocket-events',
      // It lets this server send control messages, which begin with "c:". What begins with "m:" is for the browser.
      ...(events[0]?.type === 'OPEN' && { 'Sec-WebSocket-Extensions': 'grip' }),
    });
    response.end(writeEvents(replies));
  }

  /** The events that respond to a message of a browser. */
  async function takeText(content) {
    const message = readMessage(content);
    try {
      if (message === null) throw new Error(EXPECTED);
      await add(message);
      return [];
    } catch (error) {
      return [{ type: 'TEXT', content: `m:${JSON.stringify({ error: error.message })}` }];
    }
  }

  async function add(message) {
    // Stored first and then published: a visitor who arrives in between gets it from one of the two, or from both.
    recent.add(message);
    for (const oldest of recent) if (recent.size > MAX_RECENT) recent.delete(oldest);
    try {
      await publish(message);
    } catch (error) {
      recent.delete(message);
      throw error;
    }
  }

  // One ordinary POST reaches everybody, however many they are. There is a format for each way of waiting.
  async function publish(message) {
    const item = {
      channel: CHANNEL,
      formats: {
        'http-stream': { content: toEvent(message) },
        'http-response': {
          headers: { 'Content-Type': 'application/json' },
          body: `${JSON.stringify(message)}\n`,
        },
        'ws-message': { content: JSON.stringify(message) },
      },
    };
    const published = await fetch(`${controlUrl}/publish/`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ items: [item] }),
    });
    const text = await published.text();
    if (!published.ok) throw new Error(`Holdfast responded with ${published.status} ${text}`);
  }

  // Holdfast keeps unused connections for 55 seconds; this server must not be the first to close them.
  server.keepAliveTimeout = 60_000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A message as server-sent events have it: a line that begins with `data:`, and an empty line. JSON has no line ends of its own. */
function toEvent(message) {
  return `data: ${JSON.stringify(message)}\n\n`;
}

/** A message for the browser at the other end of a WebSocket. */
function toBrowser(message) {
  return { type: 'TEXT', content: `m:${JSON.stringify(message)}` };
}

/** A message for Holdfast. */
function control(message) {
  return { type: 'TEXT', content: `c:${JSON.stringify(message)}` };
}

/** The message that a visitor sent, or null if it is invalid. */
function readMessage(bytes) {
  let value;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return null;
  }
  const name = trimmed(value?.name, MAX_NAME);
  const text = trimmed(value?.text, MAX_TEXT);
  if (name === null || text === null) return null;
  return { id: randomUUID(), time: new Date().toISOString(), name, text };
}

function trimmed(value, max) {
  const text = typeof value === 'string' ? value.trim() : '';
  return text.length >= 1 && text.length <= max ? text : null;
}

/** The bytes of the body of a request, or null if they are too many. */
async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // The rest of what is too long is read and thrown away: only then can the client be told.
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? Buffer.concat(chunks) : null;
}

function notFound(_request, response) {
  respond(response, 404, 'Not found.');
}

function respond(response, status, text) {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

// Only when this file is run by itself: node examples/board/server.mjs [PORT] [CONTROL-URL]
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [port = '8000', controlUrl = 'http://localhost:5561', ...others] = process.argv.slice(2);
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535 || !/^https?:\/\/./.test(controlUrl) || others.length > 0) {
    console.error('usage: server.mjs [PORT] [CONTROL-URL]');
    process.exit(2);
  }
  try {
    const server = await startBoard({ port: Number(port), controlUrl });
    console.log(`The board listens on http://127.0.0.1:${server.address().port}/`);
  } catch (error) {
    console.error(`the board cannot start: ${error.message}`);
    process.exitCode = 1;
  }
}
