import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { decodeJwt } from 'jose';
import { Pull } from 'zeromq';
import { GripSigner } from '../../src/codec/grip/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts';
import { startOrigin } from '../support/origin.ts';
import type { Ended, Surroundings } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PUBLISHED: Ended = { code: 0, stdout: 'Published\n', stderr: '' };

/** What a publish endpoint got. */
interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** A publish endpoint that notes what it gets and gives always the same answer. */
class Endpoint {
  readonly received: Received[] = [];
  readonly listener: RequestListener;

  constructor(respond: (response: ServerResponse) => void = (response) => response.end('Published\n')) {
    this.listener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headers } = request;
        this.received.push({ method, url, headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
        respond(response);
      });
    };
  }
}

/** Publishes with these arguments to an endpoint that takes everything. Returns the item that arrived there. */
async function publish(t: TestContext, args: readonly string[], surroundings?: Surroundings): Promise<unknown> {
  const endpoint = new Endpoint();
  const address = await startOrigin(t, endpoint.listener);
  assert.deepEqual(await holdfast(t, ['publish', ...args, '--spec', `http://${address}`], surroundings), PUBLISHED);
  assert.equal(endpoint.received.length, 1);
  const [{ body }] = endpoint.received as [Received];
  const [item] = (body as { items: [unknown] }).items;
  assert.deepEqual(body, { items: [item] });
  return item;
}

/** An item with content in all formats. */
function contentItem(http: string, ws: string, more: object = {}): object {
  const formats = {
    'http-response': { code: 200, body: http },
    'http-stream': { content: http },
    'ws-message': { content: ws },
  };
  return { channel: 'c', formats, ...more };
}

const REMOVE = [{ op: 'remove', path: '/a' }];

for (const [args, item] of [
  [['c', 'hello'], contentItem('hello\n', 'hello')],
  [['c', ''], contentItem('\n', '')],
  [['c', 'hello', '--no-eol'], contentItem('hello', 'hello')],
  [
    ['c', 'grüß dich', '--id', '2', '--prev-id', '1'],
    contentItem('grüß dich\n', 'grüß dich', { id: '2', 'prev-id': '1' }),
  ],
  [
    ['c', 'hello', '-M', 'a=b', '--meta', 'x = y=z ', '--no-seq'],
    contentItem('hello\n', 'hello', { meta: { a: 'b', 'x ': 'y=z' }, 'no-seq': true }),
  ],
  [
    ['c', 'hello', '--code', '404', '-H', 'A: b', '--header', 'C:d:e'],
    contentItem('hello\n', 'hello', {
      formats: {
        'http-response': {
          code: 404,
          headers: [
            ['A', 'b'],
            ['C', 'd:e'],
          ],
          body: 'hello\n',
        },
        'http-stream': { content: 'hello\n' },
        'ws-message': { content: 'hello' },
      },
    }),
  ],
  [
    ['c', JSON.stringify(REMOVE), '--patch', '--code', '201'],
    { channel: 'c', formats: { 'http-response': { code: 201, 'body-patch': REMOVE } } },
  ],
  [
    ['c', '--hint'],
    {
      channel: 'c',
      formats: {
        'http-response': { action: 'hint' },
        'http-stream': { action: 'hint' },
        'ws-message': { action: 'hint' },
      },
    },
  ],
  [
    ['c', '--close', '--id', '3'],
    { channel: 'c', id: '3', formats: { 'http-stream': { action: 'close' }, 'ws-message': { action: 'close' } } },
  ],
] as const) {
  test(`publish ${args.join(' ')} sends exactly its item`, async (t) => {
    assert.deepEqual(await publish(t, args), item);
  });
}

test('@FILE sends the bytes of a file unchanged, in base64 if they are not text', async (t) => {
  const cwd = temporaryFolder(t, { 'text.txt': 'hello', 'bytes.bin': Buffer.from([0, 0xff]) });
  assert.deepEqual(await publish(t, ['c', '@text.txt'], { cwd }), contentItem('hello', 'hello'));
  assert.deepEqual(await publish(t, ['c', '@bytes.bin'], { cwd }), {
    channel: 'c',
    formats: {
      'http-response': { code: 200, 'body-bin': 'AP8=' },
      'http-stream': { 'content-bin': 'AP8=' },
      'ws-message': { 'content-bin': 'AP8=' },
    },
  });
});

test('@- sends standard input unchanged', async (t) => {
  assert.deepEqual(await publish(t, ['c', '@-'], { input: 'data: x\n\n' }), contentItem('data: x\n\n', 'data: x\n\n'));
});

describe('the publish endpoint', () => {
  test('gets a JSON request at its path, and of the query a signed token', async (t) => {
    const endpoint = new Endpoint();
    const address = await startOrigin(t, endpoint.listener);
    const env = { GRIP_URL: `http://${address}/realm/?iss=me&key=secret` };
    assert.deepEqual(await holdfast(t, ['publish', 'c', 'hello'], { env }), PUBLISHED);
    const [request] = endpoint.received;
    assert.equal(request?.method, 'POST');
    assert.equal(request?.url, '/realm/publish/');
    assert.equal(request?.headers['content-type'], 'application/json');
    const token = (request?.headers.authorization ?? '').replace(/^Bearer /, '');
    assert.deepEqual(decodeJwt(token).iss, 'me');
  });

  for (const [status, body] of [
    [400, 'Invalid format: no formats specified\n'],
    [202, 'Published\n'],
    [302, ''],
    [500, '\x1b[31mred\x07\n'],
  ] as const) {
    test(`may respond with ${status}, which is a failure that is shown`, async (t) => {
      const endpoint = new Endpoint((response) => response.writeHead(status, 'Reason', { Location: '/' }).end(body));
      const address = await startOrigin(t, endpoint.listener);
      const { code, stdout, stderr } = await holdfast(t, ['publish', 'c', 'x', '--spec', `http://${address}`]);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
      // Nothing that the server says may give orders to the terminal.
      const shown = status === 500 ? 'error: [31mred\n' : body === '' ? '' : `error: ${body}`;
      assert.equal(stderr, `error: http://${address}/publish/ responded with ${status} Reason\n${shown}`);
      assert.equal(endpoint.received.length, 1, 'a redirection is not followed');
    });
  }

  test('may send a long response, whose beginning is shown', async (t) => {
    const address = await startOrigin(t, (_request, response) => response.writeHead(500).end('x'.repeat(1_000_000)));
    const { code, stderr } = await holdfast(t, ['publish', 'c', 'x', '--spec', `http://${address}`]);
    assert.equal(code, 1);
    assert.match(stderr, /\nerror: x{2000}\n$/);
  });

  test('may break off', async (t) => {
    const address = await startOrigin(t, (request) => request.socket.destroy());
    const { code, stderr } = await holdfast(t, ['publish', 'c', 'x', '--spec', `http://${address}`]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: cannot publish to http:[^\n]+\/publish\/: [^\n]+\n$/);
  });

  test('may not be there', async (t) => {
    const [port] = await freePorts(1);
    const { code, stdout, stderr } = await holdfast(t, ['publish', 'c', 'x', '--spec', `http://localhost:${port}`]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^error: cannot publish to http:[^\n]+: connect ECONNREFUSED[^\n]*\n$/);
  });

  for (const [args, authorization] of [
    [['-u', 'me:pass:word'], `Basic ${Buffer.from('me:pass:word').toString('base64')}`],
    [['-B', 'abc.def'], 'Bearer abc.def'],
    [['--bearer', 'abc.def'], 'Bearer abc.def'],
  ] as const) {
    test(`gets credentials over https with ${args[0]}`, async (t) => {
      const endpoint = new Endpoint();
      const server = createServer({ cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY }, endpoint.listener);
      t.after(() => server.close());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const spec = `https://localhost:${(server.address() as AddressInfo).port}`;
      const env = { NODE_EXTRA_CA_CERTS: `${temporaryFolder(t, { 'ca.pem': LOOPBACK_CERTIFICATE })}/ca.pem` };
      assert.deepEqual(await holdfast(t, ['publish', 'c', 'x', '--spec', spec, ...args], { env }), PUBLISHED);
      assert.equal(endpoint.received[0]?.headers.authorization, authorization);
    });
  }
});

for (const [args, code, message] of [
  [[], 2, /missing required argument 'channel'/],
  [['c'], 2, /^error: content is missing: [^\n]+ --hint or --close\n$/],
  [['c', 'x', 'y'], 2, /too many arguments/],
  [['c', 'x', '--hnit'], 2, /unknown option '--hnit'\n\(Did you mean --hint\?\)/],
  [['c', '--hint', '--close'], 2, /'--close' cannot be used with option '--hint'/],
  [['c', 'x', '--hint'], 2, /^error: --hint is sent without content: leave out the content\n$/],
  [['c', '', '--close'], 2, /^error: --close is sent without content: leave out the content\n$/],
  [['c', '--hint', '--patch'], 2, /'--hint' cannot be used with option '--patch'/],
  [['c', '--hint', '-H', 'A: b'], 2, /'--hint' cannot be used with option '-H, --header/],
  [['c', '--close', '--code', '201'], 2, /'--close' cannot be used with option '--code/],
  [['c', 'x', '--code', '1000'], 2, /Expected a whole number from 200 to 999/],
  [['c', 'x', '--code', '199'], 2, /Expected a whole number from 200 to 999/],
  [['c', 'x', '-H', 'no colon'], 2, /Expected NAME:VALUE/],
  [['c', 'x', '-M', 'no equals sign'], 2, /Expected NAME=VALUE/],
  [['c', '{', '--patch'], 2, /^error: the patch is not JSON: /],
  [['c', '{}', '--patch'], 2, /^error: the patch is not a JSON array of operations\n$/],
  [['c', '@none'], 1, /^error: cannot read none: no such file or directory\n$/],
  [['c', 'x', '--spec', 'tcp://127.0.0.1'], 2, /^error: --spec or GRIP_URL: /],
  [['c', 'x', '--spec', 'tcp://127.0.0.1:5560', '-B', 'x'], 2, /^error: credentials are only sent over https/],
  [
    ['c', 'x', '-u', 'me:secret', '--spec', 'http://example.com'],
    2,
    /^error: credentials are only sent over https, or over http to this machine\n$/,
  ],
  [['c', 'x', '-u', 'secret'], 2, /^error: --user: expected NAME:PASSWORD\n$/],
  [['c', 'x', '-B', 'secret token'], 2, /^error: --token: expected a token/],
  [['c', 'x', '--bearer', 'secret token'], 2, /^error: --token: expected a token/],
  [['c', 'x', '-B', 'secret', '-u', 'me:secret'], 2, /^error: give --user or --token, not both\n$/],
  [
    ['c', 'x', '--spec', 'http://localhost', '--url', 'unix:c'],
    2,
    /^error: give --spec, or --url or --config, not both/,
  ],
  [['c', 'x', '--url', 'unix:/nowhere/c'], 1, /^error: cannot reach the control port at unix:\/nowhere\/c: .*ENOENT/],
] as const) {
  test(`publish ${args.join(' ')} is refused with ${code}, before anything is sent`, async (t) => {
    const ended = await holdfast(t, ['publish', ...args]);
    assert.deepEqual({ code: ended.code, stdout: ended.stdout }, { code, stdout: '' });
    assert.match(ended.stderr, message);
    assert.doesNotMatch(ended.stderr, /secret|\n +at /);
  });
}

test('without a URL an item goes to the control port of the configuration, over its socket first, as the other commands do', async (t) => {
  const [port] = await freePorts(1);
  const control = `[control]\nlisten = ["127.0.0.1:${port}", "unix:control.sock"]\nbearer_key = "secret"\n`;
  const route = '[[route]]\nhost = "*"\ntargets = ["test"]\n';
  const cwd = temporaryFolder(t, {
    'holdfast.toml': `[server]\nlisten = ["127.0.0.1:0"]\n${control}${route}`,
    'port.toml': `[control]\nlisten = ["127.0.0.1:${port}"]\n`,
  });
  const program = startHoldfast(t, ['run'], { cwd });
  await program.logged('started');
  // Whoever may open the socket needs no credentials.
  assert.deepEqual(await holdfast(t, ['publish', 'c', 'x'], { cwd }), PUBLISHED);
  const refused = await holdfast(t, ['publish', 'c', 'x', '--config', 'port.toml'], { cwd });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, new RegExp(`^error: http://127\\.0\\.0\\.1:${port}: .*\nerror: give --user or --token`));
  const token = new GripSigner('app', Buffer.from('secret')).token();
  const env = { HOLDFAST_TOKEN: token };
  assert.deepEqual(await holdfast(t, ['publish', 'c', 'x', '--config', 'port.toml'], { cwd, env }), PUBLISHED);
  assert.equal((await program.stop()).code, 0);
});

test('credentials of the environment are for the control port, and do not go to a GRIP_URL', async (t) => {
  const endpoint = new Endpoint();
  const address = await startOrigin(t, endpoint.listener);
  const env = { GRIP_URL: `http://${address}`, HOLDFAST_TOKEN: 'hush', HOLDFAST_URL: 'unix:/nowhere/c' };
  assert.deepEqual(await holdfast(t, ['publish', 'c', 'x'], { env }), PUBLISHED);
  assert.equal(endpoint.received[0]?.headers.authorization, undefined);
  // What is on the command line comes before the environment.
  assert.deepEqual(await holdfast(t, ['publish', 'c', 'x', '--url', `http://${address}`], { env }), PUBLISHED);
  assert.equal(endpoint.received[1]?.headers.authorization, 'Bearer hush');
  assert.equal(endpoint.received[1]?.url, '/publish/');
});

test('an item for a ZeroMQ endpoint that nobody binds is an error after 5 s', async (t) => {
  const [port] = await freePorts(1);
  const { code, stdout, stderr } = await holdfast(t, ['publish', 'c', 'x', '--spec', `tcp://127.0.0.1:${port}`]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.equal(stderr, `error: cannot publish to tcp://127.0.0.1:${port}: no connection within 5 s\n`);
});

test('an item for a ZeroMQ endpoint waits until a PULL socket binds it', async (t) => {
  const [port] = await freePorts(1);
  const endpoint = `tcp://127.0.0.1:${port}`;
  const publishing = holdfast(t, ['publish', 'c', 'x', '--spec', endpoint]);
  // Timers of the program itself decide when it looks again, so this one only has to be later than its first attempt.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const pull = new Pull();
  t.after(() => pull.close());
  await pull.bind(endpoint);
  assert.deepEqual(await publishing, PUBLISHED);
  assert.match(String((await pull.receive())[0]), /^J\{.*"channel":"c"/);
});
