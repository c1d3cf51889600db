import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CounterRegistry } from '../../../src/exchange/index.ts';

test('a snapshot has the current numbers of each part', () => {
  const registry = new CounterRegistry();
  const [proxy, zmq] = [{ requests: 1, name: 'not a number' }, { dials: 0 }];
  registry.add('proxy', proxy);
  registry.add('edge.zmq', zmq);
  proxy.requests++;
  zmq.dials = 7;
  const taken = registry.snapshot();
  proxy.requests++;
  assert.deepEqual(taken, { proxy: { requests: 2 }, 'edge.zmq': { dials: 7 } });
});

test('a name belongs to one part', () => {
  const registry = new CounterRegistry();
  registry.add('proxy', {});
  assert.throws(() => registry.add('proxy', {}), /proxy/);
});

test('reports of other processes are added, the last one of each', () => {
  const registry = new CounterRegistry();
  registry.add('edge.server', { requests: 1 });
  registry.report('1', { 'edge.server': { requests: 10 }, 'edge.sessions': { faults: 1 } });
  registry.report('2', { 'edge.server': { requests: 100 } });
  registry.report('1', { 'edge.server': { requests: 20 } });
  assert.deepEqual(registry.snapshot(), { 'edge.server': { requests: 121 } });
});

test('counts of an ended process stay, and its open ones are removed', () => {
  const registry = new CounterRegistry();
  registry.report('1', { 'edge.server': { requests: 10, connectionsOpen: 3 }, 'edge.zmq': { bytesHeld: 100 } });
  registry.report('2', { 'edge.server': { requests: 1, connectionsOpen: 1 } });
  registry.end('1');
  registry.end('unknown');
  assert.deepEqual(registry.snapshot(), { 'edge.server': { requests: 11, connectionsOpen: 1 }, 'edge.zmq': {} });
});

test('a report by role has a table for each role', () => {
  const registry = new CounterRegistry();
  registry.add('proxy', { requests: 1 });
  registry.add('edge.server', { requests: 2 });
  registry.add('edge.zmq', { dials: 3 });
  assert.deepEqual(registry.byRole(), { proxy: { requests: 1 }, edge: { server: { requests: 2 }, zmq: { dials: 3 } } });
});
