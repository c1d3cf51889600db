import type { Status } from '../../../src/control/index.ts';

/** A status as a small server has it. */
export function sampleStatus(): Status {
  return {
    version: '1.0.0',
    pid: 4_711,
    state: 'ready',
    started: '2026-01-02T03:04:05.000Z',
    uptime: 60,
    node: 'v20.20.0',
    roles: ['proxy'],
    workers: 0,
    configuration: {
      file: '/etc/holdfast/holdfast.toml',
      loaded: '2026-01-02T03:04:05.000Z',
      reloads: 0,
      lastError: null,
    },
    listeners: [{ role: 'client', address: '127.0.0.1:7999' }],
    connections: 3,
    held: 2,
    channels: 1,
    memory: { rss: 90_000_000, heapUsed: 20_000_000 },
    eventLoop: { p50: 0.001, p99: 0.004 },
    openFiles: { used: 30, limit: 1_024 },
    nextExpiry: {
      certificate: 'example.com',
      source: 'file',
      expires: '2026-03-04T05:06:07.000Z',
      soon: false,
    },
    historyDegraded: null,
    replaced: null,
    delivery: {
      buckets: [
        { le: 0.001, count: 5 },
        { le: 0.01, count: 9 },
        { le: null, count: 10 },
      ],
      sum: 0.1,
      count: 10,
    },
    counters: { proxy: { itemsPublished: 10, itemsDelivered: 20 } },
  };
}
