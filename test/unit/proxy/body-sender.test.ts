import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { BodySender } from '../../../src/proxy/body-sender.ts';
import { FakeRequester } from '../client/fake-requester.ts';

/** A sender, and a client that has the head already and takes `credits` bytes. */
function sending(credits: number, bodyLength = UNKNOWN_LENGTH): { sender: BodySender; client: FakeRequester } {
  const client = new FakeRequester(credits);
  const sender = new BodySender(client, credits);
  client.responder = {
    onRequestData: () => {},
    onRequestError: () => {},
    onResponseCredit: (bytes) => sender.credit(bytes),
  };
  client.onResponse({ status: 200, reason: '', headers: [], bodyLength });
  return { sender, client };
}

function pieces(client: FakeRequester): string[] {
  return client.chunks.map((chunk) => chunk.toString());
}

test('What the credits cover is passed at once, without a copy', () => {
  const { sender, client } = sending(10);
  const chunk = Buffer.from('hello');
  sender.send(chunk);
  assert.deepEqual(client.chunks, [chunk]);
  assert.equal(client.chunks[0]?.buffer, chunk.buffer);
  assert.equal(sender.credits, 5);
  assert.equal(sender.waiting, 0);
});

test('What the credits do not cover waits, in order, and is cut where they end', () => {
  const { sender, client } = sending(3);
  sender.send(Buffer.from('hello'));
  sender.send(Buffer.from('world'));
  assert.deepEqual(pieces(client), ['hel']);
  assert.equal(sender.waiting, 7);
  client.grant(4);
  assert.deepEqual(pieces(client), ['hel', 'lo', 'wo']);
  client.grant(100);
  assert.deepEqual(pieces(client), ['hel', 'lo', 'wo', 'rld']);
  assert.equal(sender.waiting, 0);
  assert.equal(sender.credits, 97);
});

test('The response ends with the last byte of the last chunk', () => {
  const { sender, client } = sending(3, 5);
  sender.send(Buffer.from('hello'), true);
  assert.equal(client.end, null);
  client.grant(2);
  assert.equal(client.end, 'complete');
  assert.deepEqual(pieces(client), ['hel', 'lo']);
});

test('An empty last chunk ends the response, credits or not', () => {
  for (const credits of [0, 10]) {
    const { sender, client } = sending(credits, 0);
    sender.send(Buffer.alloc(0), true);
    assert.equal(client.end, 'complete');
  }
});

test('An empty chunk in between is not passed', () => {
  const { sender, client } = sending(10);
  sender.send(Buffer.alloc(0));
  assert.deepEqual(client.chunks, []);
});

test('Credits that come back from within the call that spends them are used in order, however many', () => {
  const { sender, client } = sending(1);
  const text = '0123456789'.repeat(5_000);
  client.onCall = () => {
    if (client.chunks.length < text.length) client.grant(1);
  };
  sender.send(Buffer.from(text));
  assert.equal(client.body, text);
  assert.equal(sender.waiting, 0);
});

test('After a cancel nothing more is passed', () => {
  const { sender, client } = sending(1);
  sender.send(Buffer.from('hello'), true);
  sender.cancel();
  client.grant(10);
  assert.deepEqual(pieces(client), ['h']);
  assert.equal(sender.waiting, 0);
  assert.equal(client.end, null);
});

test('A cancel from within the call that takes bytes stops at once', () => {
  const { sender, client } = sending(100);
  client.onCall = () => sender.cancel();
  sender.credits = 0;
  sender.send(Buffer.from('hello'));
  sender.send(Buffer.from('world'));
  sender.credit(100);
  assert.deepEqual(pieces(client), ['hello']);
});
