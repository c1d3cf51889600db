import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { HttpClientLimits } from '../../../src/client/index.ts';
import type { RequestHead } from '../../../src/exchange/index.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { OK, type OriginPeer, type ScriptedOrigin, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from './fixture.ts';

/** A request on its way, and all who are in it. */
export interface Running {
  readonly scripted: ScriptedOrigin;
  readonly fixture: Fixture;
  readonly requester: FakeRequester;
  readonly peer: OriginPeer;
}

/** A request whose head has arrived at the origin. */
export async function running(
  t: TestContext,
  fields: Partial<RequestHead> = {},
  limits: Partial<HttpClientLimits> = {},
): Promise<Running> {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, limits);
  const requester = fixture.send(scripted.origin, fields);
  const peer = await scripted.accept();
  await peer.received();
  return { scripted, fixture, requester, peer };
}

/** A request whose head has arrived at the origin on a connection that has carried an exchange before. */
export async function runningAgain(t: TestContext, fields: Partial<RequestHead> = {}): Promise<Running> {
  const { scripted, fixture, requester: first, peer } = await running(t);
  peer.write(OK);
  await first.completed();
  const requester = fixture.send(scripted.origin, fields);
  await peer.received();
  return { scripted, fixture, requester, peer };
}

/** Sees the exchange fail so, and counted as the origin's failure. */
export async function assertFails(run: Running, code: string, detail: RegExp): Promise<void> {
  const error = await run.requester.failed();
  assert.equal(error.code, code);
  const { host, port } = run.scripted.origin;
  assert.ok(error.detail.startsWith(`${host}:${port}: `), error.detail);
  assert.match(error.detail, detail);
  assert.equal(run.fixture.counters.originErrors, 1);
}
