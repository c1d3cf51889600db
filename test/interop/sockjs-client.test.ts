import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { runServer } from '../support/holdfast.ts';
import { httpOrigin } from '../support/http-origin.ts';
import { startApp } from '../support/running-app.ts';
import { secretToken } from '../support/tokens.ts';
import { startWsOrigin, type WsPeer } from '../support/websocket/ws-peers.ts';

/** The client of the SockJS project. It has no types. */
const SockJS = createRequire(import.meta.url)('sockjs-client') as new (
  url: string,
  protocols: null,
  options: { transports: string[] },
) => SockJsClient;

interface SockJsClient {
  transport: string;
  onopen: () => void;
  onmessage: (event: { data: string }) => void;
  onclose: (event: { code: number; reason: string }) => void;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** A client with one transport, and what happens to it, as lines. */
class Client {
  readonly socket: SockJsClient;
  readonly #events: string[] = [];
  #wake = (): void => {};

  constructor(t: TestContext, { address }: { address: string }, transport: string, path = '/sockjs') {
    this.socket = new SockJS(`http://${address}${path}`, null, { transports: [transport] });
    this.socket.onopen = () => this.#add(`open ${this.socket.transport}`);
    this.socket.onmessage = ({ data }) => this.#add(`message ${data}`);
    this.socket.onclose = ({ code, reason }) => this.#add(`close ${code} ${reason}`);
    t.after(() => this.socket.close());
  }

  async next(): Promise<string> {
    while (this.#events.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#events.shift() as string;
  }

  #add(event: string): void {
    this.#events.push(event);
    this.#wake();
  }
}

const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];

for (const transport of TRANSPORTS) {
  test(`sockjs-client by ${transport}: messages pass both ways in order, and the origin closes`, async (t) => {
    const origin = await startWsOrigin(t);
    const app = await startApp(t, [`*,sockjs=/sockjs,sockjs_as_path=/room ${origin.address}`]);
    const client = new Client(t, app, transport);
    assert.equal(await client.next(), `open ${transport}`);
    const { peer, request } = await origin.accept();
    assert.equal(request.url, '/room');
    const texts = ['hello', 'Grüße 😀', '"\\\u2028\u200d', ''];
    for (const text of texts) client.socket.send(text);
    for (const text of texts) assert.equal(await peer.next(), `text ${text}`);
    for (const text of texts) peer.send(text);
    for (const text of texts) assert.equal(await client.next(), `message ${text}`);
    for (let i = 0; i < 500; i++) peer.send(`${i}`);
    for (let i = 0; i < 500; i++) assert.equal(await client.next(), `message ${i}`);
    for (let i = 0; i < 500; i++) client.socket.send(`${i}`);
    for (let i = 0; i < 500; i++) assert.equal(await peer.next(), `text ${i}`);
    peer.socket.close(3456, 'enough');
    assert.equal(await client.next(), 'close 3456 enough');
    assert.equal(await peer.next(), 'close 3456 enough');
  });

  test(`sockjs-client by ${transport}: a client that closes is a closed WebSocket for the origin`, async (t) => {
    const origin = await startWsOrigin(t);
    const app = await startApp(t, [`*,sockjs=/sockjs ${origin.address}`]);
    const client = new Client(t, app, transport);
    await client.next();
    const { peer, request } = await origin.accept();
    assert.equal(request.url, transport === 'websocket' ? '/sockjs/websocket' : '/sockjs');
    client.socket.close();
    assert.match(await peer.next(), /^close 100[015]/);
  });

  test(`sockjs-client by ${transport}: GRIP over WebSocket-over-HTTP`, async (t) => {
    const origin = await httpOrigin(t, ({ body }) => {
      const events = body.toString();
      const subscribe = 'c:{"type":"subscribe","channel":"a"}';
      let text = events === 'OPEN\r\n' ? `OPEN\r\nTEXT ${subscribe.length.toString(16)}\r\n${subscribe}\r\n` : '';
      if (events.startsWith('TEXT')) text = 'TEXT 6\r\nm:echo\r\n';
      return {
        headers: { 'Content-Type': 'application/websocket-events', 'Sec-WebSocket-Extensions': 'grip' },
        body: text,
      };
    });
    const app = await startApp(t, [`*,sockjs=/sockjs ${origin.target},over_http`]);
    const client = new Client(t, app, transport);
    assert.equal(await client.next(), `open ${transport}`);
    await app.held();
    await app.publish({ channel: 'a', formats: { 'ws-message': { content: 'news' } } });
    assert.equal(await client.next(), 'message news');
    client.socket.send('hello');
    assert.equal(await client.next(), 'message echo');
    await app.publish({ channel: 'a', formats: { 'ws-message': { action: 'close', code: 4000 } } });
    assert.match(await client.next(), /^close 4000 /);
  });
}

test('sockjs-client: with a token in its URL all its requests pass the guard of a route', async (t) => {
  const origin = await startWsOrigin(t);
  const route = `[[route]]\nhost = "*"\nsockjs = "/sockjs"\ntargets = ["${origin.address}"]\n`;
  const { clients } = await runServer(t, [], `${route}[route.jwt]\nkey = "secret"\nquery = "token"\n`);
  const app = { address: clients[0] ?? '' };
  for (const transport of TRANSPORTS) {
    const client = new Client(t, app, transport, `/sockjs?token=${secretToken({}, 'secret')}`);
    assert.equal(await client.next(), `open ${transport}`);
    const { peer } = await origin.accept();
    client.socket.send('hello');
    assert.equal(await peer.next(), 'text hello');
    peer.send('news');
    assert.equal(await client.next(), 'message news');
    const forged = new Client(t, app, transport, `/sockjs?token=${secretToken({}, 'other')}`);
    assert.match(await forged.next(), /^close 1002 /);
  }
});

test('sockjs-client: large messages pass both ways', async (t) => {
  const origin = await startWsOrigin(t);
  const app = await startApp(t, [`*,sockjs=/sockjs ${origin.address}`]);
  for (const transport of TRANSPORTS) {
    const client = new Client(t, app, transport);
    await client.next();
    const { peer }: { peer: WsPeer } = await origin.accept();
    const large = '\u0001'.repeat(190_000);
    peer.send(large);
    assert.equal(await client.next(), `message ${large}`);
    const sent = 'x'.repeat(90_000);
    client.socket.send(sent);
    assert.equal(await peer.next(), `text ${sent}`);
    client.socket.close();
  }
});
