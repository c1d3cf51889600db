import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { openBrowser } from '../support/browser.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { startApp } from '../support/running-app.ts';
import { startWsOrigin } from '../support/websocket/ws-peers.ts';

const SCRIPT = readFileSync(createRequire(import.meta.url).resolve('sockjs-client/dist/sockjs.min.js'));

/** A page of another origin. It opens a session with the transport of its fragment, says hello, and shows what it gets. */
const PAGE = `<!DOCTYPE html><meta charset="utf-8"><body><script src="/sockjs.js"></script><script>
  const [transport, url] = decodeURIComponent(location.hash.slice(1)).split(' ');
  const lines = [];
  const show = (line) => { lines.push(line); document.body.dataset.lines = lines.join('|'); };
  const socket = new SockJS(url, null, { transports: [transport] });
  socket.onopen = () => { show('open ' + socket.transport); socket.send('hello ü'); };
  socket.onmessage = ({ data }) => show('message ' + data);
  socket.onclose = ({ code, reason }) => show('close ' + code + ' ' + reason);
</script>`;

const TRANSPORTS = [
  'websocket',
  'xhr-streaming',
  'eventsource',
  'iframe-eventsource',
  'xhr-polling',
  'iframe-xhr-polling',
  'jsonp-polling',
];

test('a page of another origin uses SockJS by each transport of the browser', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const pages = await startOrigin(t, ({ url }, response) => {
    const isScript = url === '/sockjs.js';
    response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? SCRIPT : PAGE);
  });
  const origin = await startWsOrigin(t);
  const app = await startApp(t, [`*,sockjs=/sockjs ${origin.address}`], {
    proxy: { sockjsUrl: `http://${pages}/sockjs.js` },
  });
  const browser = await openBrowser(t, chromium);
  for (const transport of TRANSPORTS) {
    const page = await browser.newPage();
    const fragment = encodeURIComponent(`${transport} http://${app.address}/sockjs`);
    await page.goto(`http://${pages}/#${fragment}`);
    const { peer } = await origin.accept();
    assert.equal(await peer.next(), 'text hello ü', transport);
    peer.send('Grüße 😀');
    peer.socket.close(4321, 'enough');
    await page.waitForSelector('body[data-lines*=close]', { state: 'attached' });
    const lines = await page.locator('body').getAttribute('data-lines');
    assert.equal(lines, `open ${transport}|message Grüße 😀|close 4321 enough`);
    await page.close();
  }
});
