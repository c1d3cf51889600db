import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fits, type SocketType, tellsIdentity } from '../../../src/zmq/socket-type.ts';

const TYPES: SocketType[] = ['PUSH', 'PULL', 'PUB', 'SUB', 'XPUB', 'ROUTER', 'DEALER', 'REQ', 'REP'];

test('whether two types may talk does not depend on their order', () => {
  for (const ours of TYPES) {
    for (const theirs of TYPES) assert.equal(fits(ours, theirs), fits(theirs, ours), `${ours} ${theirs}`);
  }
});

test('the pairs are those of the specification', () => {
  const pairs = TYPES.flatMap((ours, index) =>
    TYPES.slice(index).flatMap((theirs) => (fits(ours, theirs) ? [`${ours}-${theirs}`] : [])),
  );
  assert.deepEqual(pairs, [
    'PUSH-PULL',
    'PUB-SUB',
    'SUB-XPUB',
    'ROUTER-ROUTER',
    'ROUTER-DEALER',
    'ROUTER-REQ',
    'DEALER-DEALER',
    'DEALER-REP',
    'REQ-REP',
  ]);
});

test('publishers talk to XSUB too, and to no unknown type', () => {
  assert.equal(fits('PUB', 'XSUB'), true);
  assert.equal(fits('XPUB', 'XSUB'), true);
  assert.equal(fits('PUSH', ''), false);
  assert.equal(fits('PUSH', 'constructor'), false);
});

test('only types that may talk to a ROUTER send their identity', () => {
  assert.deepEqual(TYPES.filter(tellsIdentity), ['ROUTER', 'DEALER', 'REQ']);
});
