import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FREE_INPUTS, LARGE_INPUT, SHARE, SMALL_SHARE, TURN_TIME } from '../../../src/clock/index.ts';
import { BINARY, CLOSE, CONTINUATION, PING, TEXT } from '../../../src/codec/websocket/index.ts';
import { chargeTime } from '../../support/charge-time.ts';
import { LargestRun } from '../../support/largest-run.ts';
import { LargestTurn } from '../../support/largest-turn.ts';
import { startServer } from '../../support/running-server.ts';
import { closeText, frame, type Opened, openWebSocket } from './raw-websocket.ts';

const COUNT = 10 * SHARE;

for (const [what, opcode] of [
  ['pings', PING],
  ['messages', TEXT],
] as const) {
  test(`of many empty ${what} of one client a bounded number is taken at once, and all in the end`, async (t) => {
    const running = await startServer(t);
    const { client, webSocket } = await openWebSocket(running);
    const run = new LargestRun();
    webSocket.onRequestPing = webSocket.onRequestMessage = () => run.count();
    client.write(Buffer.concat(Array.from({ length: COUNT }, () => frame(opcode))));
    client.write(Buffer.concat([frame(CLOSE, closeText(1000))]));
    client.socket.end();
    // The end of the connection waits for what came before it.
    await webSocket.until(() => webSocket.closed);
    assert.equal(run.total, COUNT);
    assert.ok(run.largest <= SHARE, `${run.largest} at once`);
  });
}

test('credit and an end of a pause do not let a client take more of a turn', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  const run = new LargestRun();
  webSocket.onRequestMessage = () => {
    run.count();
    webSocket.requester.onRequestCredit(1);
    webSocket.requester.pauseRequest(true);
    webSocket.requester.pauseRequest(false);
  };
  client.write(Buffer.concat(Array.from({ length: COUNT }, () => frame(BINARY, 'x'))));
  await run.until(COUNT);
  assert.ok(run.largest <= SHARE, `${run.largest} at once`);
});

test('of a body in many small chunks a bounded number is taken at once', async (t) => {
  const running = await startServer(t);
  const run = new LargestRun();
  running.script.onExchange = (exchange) => {
    exchange.onRequestData = () => run.count();
    exchange.grant(COUNT);
  };
  const client = await running.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.write('1\r\nx\r\n'.repeat(COUNT));
  await run.until(COUNT);
  assert.ok(run.largest <= SHARE, `${run.largest} at once`);
});

test('a bounded number of many requests in one segment is handled in a turn', async (t) => {
  const running = await startServer(t);
  const run = new LargestRun();
  running.script.onExchange = (exchange) => {
    run.count();
    exchange.respond();
  };
  const client = await running.connect();
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(COUNT));
  await run.until(COUNT);
  assert.ok(run.largest <= SHARE, `${run.largest} at once`);
  for (let i = 0; i < COUNT; i++) await client.takeResponse();
});

test('clients that send many requests share the time of a turn, and one with a single request does not wait for them', async (t) => {
  const clients = 30;
  const running = await startServer(t);
  const turn = new LargestTurn();
  const charge = chargeTime(t);
  let flooded = 0;
  let innocent = -1;
  running.script.onExchange = (exchange) => {
    if (exchange.request.target === '/innocent') {
      innocent = flooded;
    } else {
      flooded++;
      turn.count();
      charge(TURN_TIME / SHARE);
    }
    exchange.respond();
  };
  const floods = await Promise.all(Array.from({ length: clients }, () => running.connect()));
  const client = await running.connect();
  // Connections are accepted one by one: this one is, and so are those before it.
  client.write('GET /innocent HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.takeResponse();
  for (const flood of floods) flood.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3 * SHARE));
  client.write('GET /innocent HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.takeResponse();
  for (const flood of floods) for (let i = 0; i < 3 * SHARE; i++) await flood.takeResponse();
  assert.equal(flooded, clients * 3 * SHARE);
  // A share may begin when nearly all of the time is used, and what is counted as one turn may be the end of one and the beginning of the next.
  const most = 2 * (2 * SHARE + clients * SMALL_SHARE);
  assert.ok(turn.largest <= most, `${turn.largest} in a turn`);
  assert.ok(innocent <= 4 * most, `${innocent} others before it`);
});

test('WebSockets that send large messages wait for their turn when its time is over', async (t) => {
  const running = await startServer(t);
  const turn = new LargestTurn();
  const charge = chargeTime(t);
  const opened: Opened[] = [];
  for (let i = 0; i < 4 * FREE_INPUTS; i++) opened.push(await openWebSocket(running));
  const all = new Promise<void>((resolve) => {
    for (const { webSocket } of opened) {
      webSocket.onRequestMessage = (_chunk, _text, more) => {
        if (more) return;
        turn.count();
        charge(TURN_TIME / 2);
        if (turn.total === opened.length) resolve();
      };
    }
  });
  const large = frame(BINARY, Buffer.alloc(LARGE_INPUT));
  for (const { client } of opened) client.write(large);
  await all;
  assert.ok(turn.largest <= 2 * (FREE_INPUTS + 2), `${turn.largest} in a turn`);
});

test('clients that wait for their turn with much input are read on only after it', async (t) => {
  const running = await startServer(t);
  const charge = chargeTime(t);
  const opened: Opened[] = [];
  for (let i = 0; i < 4 * FREE_INPUTS; i++) opened.push(await openWebSocket(running));
  const [first, second] = [
    frame(BINARY, Buffer.alloc(LARGE_INPUT), true),
    frame(CONTINUATION, Buffer.alloc(LARGE_INPUT)),
  ];
  let begun = false;
  let waiting = 0;
  let complete = 0;
  await new Promise<void>((resolve) => {
    for (const { webSocket } of opened) {
      webSocket.onRequestMessage = (_chunk, _text, more) => {
        charge(TURN_TIME);
        const { used } = running.server.unread;
        waiting = Math.max(waiting, used);
        // Most have been read.
        if (!begun && used > (opened.length / 2) * first.length) {
          begun = true;
          for (const { client } of opened) client.write(second);
        }
        if (!more && ++complete === opened.length) resolve();
      };
    }
    for (const { client } of opened) client.write(first);
  });
  assert.ok(begun && waiting <= opened.length * first.length, `${waiting} bytes`);
});
