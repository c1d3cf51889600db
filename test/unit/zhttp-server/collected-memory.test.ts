import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FakeFetch } from '../../support/zhttp/fake-fetcher.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const PIECES = 200_000;

/** Bytes of memory that `fill` adds for good. */
function kept(fill: () => void): number {
  const used = (): number => {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  fill();
  return used() - before;
}

/** The body comes in pieces of one byte. */
function trickle(fetch: FakeFetch): void {
  const piece = Buffer.from('x');
  for (let i = 0; i < PIECES; i++) {
    fetch.data(piece, true);
    fetch.events.length = 0;
  }
}

test('a collected response takes a few bytes for each byte, in whatever pieces it comes', (t) => {
  const rig = serverRig(t, { maxBodyBytes: PIECES });
  rig.first();
  const fetch = rig.fetcher.last.respond();
  const bytes = kept(() => trickle(fetch));
  assert.ok(bytes < 10 * PIECES, `${bytes} bytes for ${PIECES}`);
  fetch.data('');
  assert.equal(rig.link.answers.at(-1)?.packet.body.length, PIECES);
});

test('the body of a rejected WebSocket takes a few bytes for each byte, in whatever pieces it comes', (t) => {
  const rig = serverRig(t, { maxBodyBytes: PIECES });
  const fetch = rig.webSocket().respond({ status: 403 });
  const bytes = kept(() => trickle(fetch));
  assert.ok(bytes < 10 * PIECES, `${bytes} bytes for ${PIECES}`);
  fetch.data('');
  assert.equal(rig.link.answers.at(-1)?.packet.body.length, PIECES);
});
