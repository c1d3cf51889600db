import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventScanner } from '../../../src/resume/event-scanner.ts';
import { LogReader } from '../../../src/resume/log-reader.ts';
import { ResumableStream } from '../../../src/resume/resumable-stream.ts';
import { ResumableStreams } from '../../../src/resume/resumable-streams.ts';
import { eventsIn, startResumable } from '../../support/resumable.ts';
import { eventually } from '../../support/running-app.ts';
import { throwOnce } from '../../support/throw-once.ts';

test('an exception for one client of a stream ends only that client', async (t) => {
  const rig = await startResumable(t, '[route.resume]\nshared = true\n');
  const { client, origin } = await rig.begin({ method: 'POST' });
  const other = await rig.back(client.header('last-event-id') ?? '');
  throwOnce(t, LogReader.prototype, 'send');
  origin.send('a');
  assert.equal(await client.ended(), false);
  await eventually(() => eventsIn(other.text).length === 1);
  assert.equal(rig.app.counters.faults, 1);
  origin.end();
  assert.equal(await other.ended(), true);
});

test('an exception while a stream is read ends that stream and its request', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin();
  const kept = await rig.begin();
  throwOnce(t, EventScanner.prototype, 'write');
  origin.send('a');
  assert.equal(await client.ended(), false);
  kept.origin.send('b');
  kept.origin.end();
  assert.equal(await kept.client.ended(), true);
  assert.equal(rig.app.counters.faults, 1);
});

test('an exception for a client that comes back ends only its request', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin();
  origin.send('a');
  await client.until('\n\n');
  const [event] = eventsIn(client.text);
  throwOnce(t, ResumableStream.prototype, 'open');
  assert.equal((await rig.back(event?.id ?? '')).status, 500);
  origin.send('b');
  await eventually(() => eventsIn(client.text).length === 2);
  assert.equal(rig.app.counters.faults, 1);
});

test('an exception when the time of a stream is over lets it go', async (t) => {
  const rig = await startResumable(t, '[route.resume]\nttl = 1\n');
  const { client, origin } = await rig.begin();
  origin.send('a');
  await client.until('\n\n');
  throwOnce(t, ResumableStreams.prototype, 'onExpired');
  client.request.socket?.resetAndDestroy();
  await eventually(() => rig.app.counters.faults === 1);
  await eventually(() => origin.cut);
  assert.equal(rig.app.counters.streamsOpen, 0);
});
