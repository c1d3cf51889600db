import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_OPTIONS, type ZmqOptions } from '../../../src/zmq/index.ts';
import { isRoutingId, resolveOptions } from '../../../src/zmq/zmq-options.ts';

test('missing options have their defaults', () => {
  assert.deepEqual(resolveOptions({}), DEFAULT_OPTIONS);
  assert.deepEqual(resolveOptions({ sendHwm: 5 }), { ...DEFAULT_OPTIONS, sendHwm: 5 });
});

test('an option out of its range is refused by name', () => {
  const wrong: Partial<ZmqOptions>[] = [
    { sendHwm: -1 },
    { receiveHwm: -1 },
    { linger: -1 },
    { heartbeatInterval: -1 },
    { heartbeatTimeout: 0 },
    { reconnectInterval: 0 },
    { reconnectMax: -1 },
    { handshakeTimeout: -1 },
    { maxMessageBytes: -1 },
    { maxParts: 0 },
    { maxPeers: 0 },
    { maxSubscriptions: 0 },
    { maxTopicBytes: -1 },
    { sendHwm: Number.NaN },
  ];
  for (const options of wrong) {
    const [name] = Object.keys(options);
    assert.throws(() => resolveOptions(options), { kind: 'option', message: new RegExp(`^${name}: `) });
  }
});

test('a routing id is at most 255 bytes and does not begin with zero', () => {
  assert.equal(isRoutingId(Buffer.alloc(255, 1)), true);
  assert.equal(isRoutingId(Buffer.alloc(0)), true);
  assert.throws(() => resolveOptions({ routingId: Buffer.alloc(256, 1) }), { kind: 'option' });
  assert.throws(() => resolveOptions({ routingId: Buffer.of(0, 1) }), { kind: 'option' });
});
