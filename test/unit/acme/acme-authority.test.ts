import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AcmeAuthority, AcmeStore, RetryLater } from '../../../src/acme/index.ts';
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../../support/loopback-certificate.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** An order at an authority that does as `listener` says. */
async function order(t: TestContext, listener: RequestListener, signal = new AbortController().signal) {
  const server = createServer({ cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as { port: number };
  const folder = temporaryFolder(t, { 'ca.pem': LOOPBACK_CERTIFICATE });
  const account = { directory: `https://127.0.0.1:${port}/dir`, email: '', ca: join(folder, 'ca.pem') };
  const prover = { kinds: ['http-01' as const], openToken: async () => {}, openProof: async () => {} };
  return new AcmeAuthority(account, new AcmeStore(folder)).order('a.example.com', prover, signal);
}

test('an authority that sends too much is given up', async (t) => {
  await assert.rejects(
    order(t, (_, response) => response.end(Buffer.alloc(400_000, 'x'))),
    /maxContentLength size of 262144 exceeded/,
  );
});

test('an authority that says nothing is given up when the signal says so', async (t) => {
  const controller = new AbortController();
  const ordered = order(t, () => controller.abort(), controller.signal);
  await assert.rejects(ordered, /cancell?ed|aborted/i);
});

test('a server that is not an authority is refused', async (t) => {
  await assert.rejects(
    order(t, (_, response) => response.writeHead(404).end('no')),
    Error,
  );
});

test('an authority that is too busy says when it is to be asked again', async (t) => {
  const later = order(t, (_, response) =>
    response
      .writeHead(429, { 'Retry-After': '7200', 'Content-Type': 'application/problem+json' })
      .end('{"detail":"too many certificates"}'),
  );
  await assert.rejects(later, (error) => {
    assert.ok(error instanceof RetryLater);
    assert.deepEqual([error.message, error.seconds], ['too many certificates', 7200]);
    return true;
  });
});
