import type { Status } from '../../../dashboard/src/api/types.ts';
import { Histogram } from '../../../src/exchange/index.ts';

/** When the server of these data has started. */
const STARTED = Date.UTC(2026, 2, 14, 9, 0, 0);

/** Seconds that it has run at the first status: 3 days and 4 hours. */
const UPTIME = 273_612;

/** A smooth rise and fall between -1 and 1, with a little unrest. The same for the same `step`, always. */
function wave(step: number, period: number, phase = 0): number {
  const unrest = Math.sin(step * 12.9898 + phase * 78.233) * 43_758.5453;
  return 0.8 * Math.sin((step / period + phase) * 2 * Math.PI) + 0.4 * (unrest - Math.floor(unrest) - 0.5);
}

/** The statuses of a busy server, one a second. Each call of the function that is returned gives the next. */
export function statuses(changes: Partial<Status> = {}): () => Status {
  let step = 0;
  const totals = { requests: 48_112_704, itemsPublished: 1_204_559, itemsDelivered: 913_446_210 };
  const delivery = new Histogram();
  return () => {
    const published = Math.round(12 + 4 * wave(step, 90));
    const held = Math.round(8_940 + 160 * wave(step, 240, 0.3));
    totals.requests += Math.round(412 + 90 * wave(step, 120, 0.1));
    totals.itemsPublished += published;
    totals.itemsDelivered += published * 640;
    for (let i = 0; i < published; i++)
      delivery.observe(3.2 + 2.4 * wave(step + i / 16, 75) + (i === 0 ? 9 + 8 * wave(step, 50) : 0));
    const status: Status = {
      version: '0.1.0',
      pid: 4_117,
      state: 'ready',
      started: new Date(STARTED).toISOString(),
      uptime: UPTIME + step,
      node: 'v20.20.0',
      roles: ['proxy', 'edge', 'fetch'],
      workers: 2,
      configuration: {
        file: '/etc/holdfast/holdfast.toml',
        loaded: timeAt(86_400),
        reloads: 3,
        lastError: null,
      },
      listeners: [
        { role: 'proxy', address: '0.0.0.0:443' },
        { role: 'proxy', address: '0.0.0.0:80' },
        { role: 'edge', address: '127.0.0.1:8000' },
        { role: 'control', address: '127.0.0.1:5561' },
      ],
      connections: held + Math.round(310 + 40 * wave(step, 60, 0.7)),
      held,
      channels: 1_284,
      memory: {
        rss: 214_000_000 + Math.round(5_000_000 * wave(step, 150, 0.2)),
        heapUsed: 71_000_000 + Math.round(9_000_000 * wave(step, 40, 0.5)),
      },
      eventLoop: { p50: 0.0011 + 0.0002 * wave(step, 80), p99: 0.0046 + 0.0012 * wave(step, 110, 0.4) },
      openFiles: { used: held + 342, limit: 65_536 },
      historyDegraded: null,
      replaced: null,
      nextExpiry: {
        certificate: 'shop.example',
        source: 'acme',
        expires: new Date(STARTED + 60 * 86_400_000).toISOString(),
        soon: false,
      },
      delivery: { buckets: bucketsOf(delivery), sum: delivery.sum, count: delivery.count },
      counters: {
        proxy: { ...totals, connectionsOpen: held },
        edge: { server: { requests: 9_201 } },
      },
      ...changes,
    };
    step++;
    return status;
  };
}

/** As a status has them: each bucket counts those of the ones before it too. */
function bucketsOf({ counts }: Histogram): Status['delivery']['buckets'] {
  let sum = 0;
  return counts.map((count, i) => {
    sum += count;
    return { le: Histogram.bounds[i] ?? null, count: sum };
  });
}

const NAMES = ['news', 'prices.eur', 'prices.usd', 'room.lobby', 'scores.live', 'user.ada', 'user.grace', 'user.linus'];

/** What each path says, for a server that runs all roles. */
export const ANSWERS: Readonly<Record<string, unknown>> = {
  '/session': { role: 'admin', roles: ['admin'], name: 'ada', accepts: ['password', 'token'] },
  '/channels': {
    channels: NAMES.map((name, i) => ({
      name,
      subscribers: [4_210, 1_302, 1_177, 388, 1_846, 3, 2, 1][i],
      lastId: i % 2 === 0 ? String(88_120 + i * 37) : null,
    })),
    total: 1_284,
    next: 'user.linus',
  },
  '/channels/news': {
    name: 'news',
    subscribers: 4_210,
    lastId: '88120',
    users: 2,
    history: {
      items: 2,
      bytes: 812,
      oldest: '2026-03-17T12:59:40Z',
      first: 88_119,
      last: 88_120,
      cursor: '5c1f0a9be7d2-88120',
      itemsPerSecond: 0.5,
      retain: true,
    },
  },
  '/channels/news/history': {
    recovered: true,
    items: [88_120, 88_119].map((number) => ({
      cursor: `5c1f0a9be7d2-${number}`,
      time: '2026-03-17T12:59:40Z',
      channel: 'news',
      id: String(number),
      prevId: null,
      formats: { 'http-stream': { action: 'send', text: `data: kept ${number}\n\n`, bytes: 18 } },
      bytes: 18,
    })),
    next: '5c1f0a9be7d2-88119',
    end: '5c1f0a9be7d2-88120',
  },
  '/channels/news/presence': {
    users: [
      { user: 'ada', connections: 2, since: '2026-03-17T12:41:00Z' },
      { user: 'grace', connections: 1, since: '2026-03-17T12:58:00Z' },
    ],
    total: 2,
    next: null,
  },
  '/routes': {
    routes: [
      {
        id: 'shop',
        line: 'shop.example,ssl 10.0.0.11:8000 10.0.0.12:8000',
        source: 'file',
        targets: [
          { target: '10.0.0.11:8000', healthy: true },
          { target: '10.0.0.12:8000', healthy: false },
        ],
        requests: 31_204_110,
        responses: { '2xx': 30_950_204, '3xx': 180_114, '4xx': 71_590, '5xx': 2_202 },
        latency: { p50: 0.0068, p99: 0.081 },
      },
      {
        id: 'live',
        line: 'live.example,ssl,path_beg=/stream 10.0.0.21:9000',
        source: 'routes_file',
        targets: [{ target: '10.0.0.21:9000', healthy: true }],
        requests: 16_908_594,
        responses: { '2xx': 16_908_001, '4xx': 593 },
        latency: { p50: 0.0021, p99: 0.0094 },
      },
      {
        id: 'preview',
        line: 'preview.example localhost:3000',
        source: 'overlay',
        targets: [{ target: 'localhost:3000', healthy: true }],
        requests: 0,
        responses: {},
        latency: { p50: null, p99: null },
      },
    ],
  },
  '/errors': {
    errors: [
      error('HF_ORIGIN_UNREACHABLE', 1_904, 40, 502, 'Error while proxying to origin.'),
      error('HF_CLIENT_GONE', 80_441, 2, 0, 'The client left before its response was complete.'),
      error('HF_RATE_LIMIT', 612, 1_800, 429, 'Too many requests, try again later.'),
      error('HF_BAD_REQUEST', 77, 9_000, 400, 'Bad request.'),
    ],
  },
  '/handlers': {
    handlers: [
      { endpoint: 'ipc:///run/holdfast/edge-in', mode: 'stream', connections: 4, sessions: 212 },
      { endpoint: 'tcp://10.0.0.31:5560', mode: 'req', connections: null, sessions: 38 },
    ],
  },
  '/outbound': {
    open: 14,
    requests: 88_213,
    denied: [
      { reason: 'address 169.254.169.254 is internal', count: 31, last: timeAt(700) },
      { reason: 'host metadata.example is not allowed', count: 4, last: timeAt(40_000) },
    ],
  },
  '/nodes': {
    nodes: [
      {
        ...{
          id: 'n1a',
          name: 'web-1',
          self: true,
          version: '0.9.0',
          protocol: 1,
          state: 'ready',
          started: timeAt(90_000),
        },
        ...{ connections: 4_210, channels: 12, publishedPerSecond: 31.5, deliveredPerSecond: 13_265, lastHeard: null },
      },
      {
        ...{
          id: 'n2b',
          name: 'web-2',
          self: false,
          version: '0.9.0',
          protocol: 1,
          state: 'draining',
          started: timeAt(80_000),
        },
        ...{ connections: 17, channels: 3, publishedPerSecond: null, deliveredPerSecond: null, lastHeard: 0.4 },
      },
    ],
    broker: true,
  },
  '/configuration': { toml: '[server]\nlisten = ["80", "443,tls"]\nmax_connections = 50000\n' },
};

function error(code: string, count: number, secondsAgo: number, status: number, text: string): object {
  return { code, count, last: timeAt(secondsAgo), status, text };
}

/** Some seconds before the first status. */
function timeAt(secondsAgo: number): string {
  return new Date(STARTED + (UPTIME - secondsAgo) * 1000).toISOString();
}
