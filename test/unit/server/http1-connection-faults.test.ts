import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, Payload, type ResponseHead } from '../../../src/exchange/index.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { type RunningServer, startServer } from '../../support/running-server.ts';
import { ScriptedExchange } from '../../support/scripted-service.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';

async function ask(running: RunningServer): Promise<{ client: RawClient; exchange: ScriptedExchange }> {
  const client = await running.connect();
  client.write(GET);
  return { client, exchange: await running.next() };
}

/** The client gets a 500, and nothing after it, whatever it had sent ahead. */
async function assertInternalError(running: RunningServer, client: RawClient): Promise<void> {
  const response = await client.takeResponse();
  assert.deepEqual(
    [response.status, response.body, response.headers.get('connection')],
    [500, 'Internal error.\n', 'close'],
  );
  assert.equal(await client.takeAll(), '');
  assertLogged(running);
}

function assertLogged(running: RunningServer): void {
  const records = running.log.with('internal error');
  assert.deepEqual(
    records.map(({ level, fields }) => [level, fields.id, fields.code]),
    [['error', '1-1', 'HF_INTERNAL']],
  );
}

/** The client gets a 502, and nothing after it. */
async function assertInvalidResponse(running: RunningServer, client: RawClient): Promise<void> {
  const response = await client.takeResponse();
  assert.deepEqual(
    [response.status, response.body, response.headers.get('connection')],
    [502, 'The response of the backend cannot be sent.\n', 'close'],
  );
  assert.equal(await client.takeAll(), '');
  assertInvalidLogged(running);
}

function assertInvalidLogged(running: RunningServer): void {
  assert.deepEqual(
    running.log.with('response cannot be sent').map(({ level, fields }) => [level, fields.id, fields.code]),
    [['warn', '1-1', 'HF_RESPONSE_INVALID']],
  );
  assert.equal(running.counters.responsesInvalid, 1);
}

const BAD_HEADS: readonly { readonly what: string; readonly head: Partial<ResponseHead> }[] = [
  { what: 'a line end in a value', head: { headers: ['X', 'a\r\nSet-Cookie: b'] } },
  { what: 'a bare CR in a value', head: { headers: ['X', 'a\rb'] } },
  { what: 'a NUL in a value', head: { headers: ['X', 'a\0b'] } },
  { what: 'a character over U+00FF in a value', head: { headers: ['X', 'a\u010ab'] } },
  { what: 'a line end in a name', head: { headers: ['X: y\r\nZ', 'a'] } },
  { what: 'an empty name', head: { headers: ['', 'a'] } },
  { what: 'a line end in the reason', head: { reason: 'OK\r\nX: y' } },
  { what: 'a status out of range', head: { status: 42 } },
  { what: 'a status that is no integer', head: { status: 200.5 } },
  { what: 'an interim status', head: { status: 103 } },
  { what: 'the status of an upgrade', head: { status: 101 } },
];

for (const { what, head } of BAD_HEADS) {
  test(`a response with ${what} becomes a 502, and its responder gets an error`, async (t) => {
    for (const way of ['whole', 'flushed', 'payload']) {
      const running = await startServer(t);
      const { client, exchange } = await ask(running);
      if (way === 'whole') {
        exchange.respond('body', head);
      } else {
        exchange.head(head);
        if (way === 'payload') exchange.requester.onResponsePayload(new Payload(Buffer.from('item')));
      }
      await assertInvalidResponse(running, client);
      assert.equal(exchange.failure(), 'HF_RESPONSE_INVALID');
    }
  });
}

test('one bad head does not keep others of the same turn from leaving', async (t) => {
  const running = await startServer(t);
  const bad = await ask(running);
  const good = await ask(running);
  bad.exchange.head({ headers: ['X', '\r\n'] });
  good.exchange.head({ headers: ['X', 'y'] });
  assert.equal((await good.client.takeHead()).headers.get('x'), 'y');
  assert.equal((await bad.client.takeResponse()).status, 502);
});

test('bytes beyond the announced length of a body are not sent', async (t) => {
  for (const way of ['in one piece', 'in two']) {
    const running = await startServer(t);
    const { client, exchange } = await ask(running);
    client.write(GET);
    exchange.head({ bodyLength: 4 });
    if (way === 'in one piece') {
      exchange.send('12345', false);
      await assertInvalidResponse(running, client);
    } else {
      exchange.send('123');
      await client.take('123');
      exchange.send('456');
      assert.equal(await client.takeAll(), '');
      assertInvalidLogged(running);
    }
    assert.equal(exchange.failure(), 'HF_RESPONSE_INVALID');
    assert.equal(running.counters.requests, 1);
  }
});

test('a body that is shorter than announced ends the connection', async (t) => {
  for (const way of ['in one piece', 'in two']) {
    const running = await startServer(t);
    const { client, exchange } = await ask(running);
    client.write(GET);
    exchange.head({ bodyLength: 10 });
    if (way === 'in one piece') {
      exchange.send('123', false);
      await assertInvalidResponse(running, client);
    } else {
      exchange.send('123');
      await client.take('123');
      exchange.send('456', false);
      assert.equal(await client.takeAll(), '');
      assertInvalidLogged(running);
    }
    assert.equal(running.counters.requests, 1);
  }
});

test('a body without a head before it becomes a 500', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.send('body');
  await assertInternalError(running, client);
});

test('a service that throws gives its client a 500 and affects no other', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = ({ request }) => {
    if (request.target === '/') throw new Error('a defect');
  };
  const client = await running.connect();
  client.write(GET + GET);
  await assertInternalError(running, client);
  assert.match(String(running.log.with('internal error')[0]?.fields.detail), /^Error: a defect\n {4}at /);
  const other = await running.connect();
  other.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
  await running.next();
  (await running.next()).respond('fine');
  assert.equal((await other.takeResponse()).body, 'fine');
});

test('a service that throws after its response ends the connection, and sends no second response', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    exchange.respond('whole');
    throw new Error('a defect');
  };
  const client = await running.connect();
  client.write(GET + GET);
  assert.equal((await client.takeResponse()).body, 'whole');
  assert.equal(await client.takeAll(), '');
  assertLogged(running);
});

test('a service that throws within its response cuts it off', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    exchange.head();
    exchange.send('part');
    throw new Error('a defect');
  };
  const client = await running.connect();
  client.write(GET + GET);
  assert.equal((await client.takeAll()).endsWith('0\r\n\r\n'), false);
  assertLogged(running);
});

test('a responder that throws when it gets the body gives its client a 500', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    exchange.onRequestData = () => {
      throw new Error('a defect');
    };
    exchange.grant(100);
  };
  const client = await running.connect();
  client.write(POST + GET);
  await assertInternalError(running, client);
  assert.equal((await running.next()).failure(), 'HF_INTERNAL');
});

test('what a responder sends after the end of its response is ignored', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.respond('whole');
  exchange.head();
  exchange.send('more');
  exchange.requester.onResponsePayload(new Payload(Buffer.from('item')));
  exchange.requester.onRequestCredit(100);
  exchange.requester.onResponseError(new ExchangeError('HF_INTERNAL'));
  exchange.requester.handOver(exchange);
  assert.equal((await client.takeResponse()).body, 'whole');
  client.write(GET);
  (await running.next()).respond('next');
  assert.equal((await client.takeResponse()).body, 'next');
});

test('after a hand-over only the new responder gets calls', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(POST);
  const before = await running.next();
  const after = new ScriptedExchange(before.request, before.requester);
  before.requester.handOver(after);
  after.grant(100);
  assert.deepEqual([before.body, after.body], ['', 'abc']);
  client.reset();
  await after.failed();
  assert.equal(before.failure(), '');
});

test('a service may hand over before it returns', async (t) => {
  const running = await startServer(t);
  let after: ScriptedExchange | undefined;
  running.script.onExchange = (before) => {
    after = new ScriptedExchange(before.request, before.requester);
    before.requester.handOver(after);
  };
  const client = await running.connect();
  client.write(POST);
  const before = await running.next();
  after?.grant(3);
  assert.deepEqual([before.body, after?.body], ['', 'abc']);
});

test('late calls of a responder do not reach the next exchange on the connection', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
  const first = await running.next();
  first.respond('first');
  assert.equal((await client.takeResponse()).body, 'first');
  client.write('POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
  const second = await running.next();
  first.requester.onRequestCredit(5);
  first.respond('late');
  first.fail('HF_INTERNAL');
  assert.equal(second.body, '');
  second.grant(5);
  await second.until(() => second.bodyDone);
  second.respond('second');
  assert.equal((await client.takeResponse()).body, 'second');
});
