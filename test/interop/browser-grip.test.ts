import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBrowser } from '../support/browser.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { startApp } from '../support/running-app.ts';

/** It opens an EventSource and then a WebSocket, and shows what both get. */
const PAGE = `<!DOCTYPE html><meta charset="utf-8"><body><script>
  const lines = [];
  const show = (line) => { lines.push(line); document.body.dataset.lines = lines.join('|'); };
  const events = new EventSource('/events');
  events.addEventListener('hello', ({ data, lastEventId }) => show('event ' + lastEventId + ' ' + data));
  const socket = new WebSocket('ws://' + location.host + '/socket', 'chat');
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => { show('open ' + socket.protocol); socket.send('grüß'); };
  socket.onmessage = ({ data }) => show('message ' + (typeof data === 'string' ? data : new Uint8Array(data).join()));
  socket.onclose = ({ code, reason, wasClean }) => show('close ' + code + ' ' + reason + ' ' + wasClean);
</script>`;

function event(content: string): string {
  return `TEXT ${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n`;
}

/** Accepts a WebSocket, subscribes it, and returns its messages. */
function eventsFor(body: string): string {
  if (body.startsWith('OPEN')) return `OPEN\r\n${event('c:{"type":"subscribe","channel":"socket"}')}`;
  const [, text] = /^TEXT \w+\r\n(.*)\r\n/.exec(body) ?? [];
  return text === undefined ? body : event(`m:${text}`);
}

test("Chromium's EventSource and WebSocket get what is published, with an origin that has only HTTP", async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const origin = await startOrigin(t, async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (request.url === '/socket') {
      response.setHeader('Content-Type', 'application/websocket-events');
      response.setHeader('Sec-WebSocket-Extensions', 'grip');
      if (body.startsWith('OPEN')) response.setHeader('Sec-WebSocket-Protocol', 'chat');
      response.end(eventsFor(body));
    } else if (request.url === '/events') {
      const fields = { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'events' };
      response.writeHead(200, fields).end();
    } else {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
    }
  });
  const app = await startApp(t, [`* ${origin}`, `*,path_beg=/socket ${origin},over_http`]);
  const page = await (await openBrowser(t, chromium)).newPage();
  const shows = (text: string) => page.waitForSelector(`body[data-lines*="${text}"]`, { state: 'attached' });
  await page.goto(`http://${app.address}/`);
  await app.held(2);
  await shows('message grüß');
  const { status } = await app.post([
    { channel: 'events', formats: { 'http-stream': { content: 'event: hello\nid: 7\ndata: Welt 😀\n\n' } } },
  ]);
  assert.equal(status, 200);
  await shows('event 7 Welt');
  await app.post([
    { channel: 'socket', formats: { 'ws-message': { content: 'published 😀' } } },
    { channel: 'socket', formats: { 'ws-message': { 'content-bin': 'AP8=' } } },
    { channel: 'socket', formats: { 'ws-message': { action: 'close', code: 4321, reason: 'enough' } } },
  ]);
  await shows('close');
  const lines = await page.locator('body').getAttribute('data-lines');
  assert.equal(
    lines,
    'open chat|message grüß|event 7 Welt 😀|message published 😀|message 0,255|close 4321 enough true',
  );
});
