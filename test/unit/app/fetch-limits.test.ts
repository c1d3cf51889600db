import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientLimits, fetchRules, serverLimits, webSocketLimits } from '../../../src/app/fetch-limits.ts';
import { type FetchPlan, fetchPlans } from '../../../src/app/index.ts';
import { DEFAULT_WEBSOCKET_CLIENT_LIMITS } from '../../../src/client/index.ts';
import { parseConfig, parseFetchEndpoints } from '../../../src/config/index.ts';
import { Guard } from '../../../src/net/index.ts';

const GUARD = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false });

/** Every key that is a number has another value, so that none can stand in for another one. */
const plan: FetchPlan = parseConfig({
  fetch: {
    stream: ['ipc://s'],
    req: ['ipc://r'],
    connect: true,
    id: 'é',
    ipc_file_mode: '640',
    in_hwm: 1,
    out_hwm: 2,
    max_open_requests: 3,
    buffer_size: 1024,
    messages_max: 5,
    max_body_bytes: 6,
    max_packet_bytes: 70_000,
    max_headers: 8,
    max_response_header_bytes: 9000,
    lenient_line_ends: true,
    timeout: 10,
    request_timeout: 11,
    session_timeout: 12,
    connect_timeout: 13,
    response_timeout: 14,
    close_timeout: 15,
    pool_idle_timeout: 16,
    pool_max_idle: 17,
    pool_max_total: 18,
    connection_max_time: 19,
    allow_ignore_policies: true,
    decompress: false,
  },
}).fetch;

test('A ZHTTP server is bounded by what the section says of requesters', () => {
  assert.deepEqual(serverLimits(plan), {
    // One character for each byte.
    address: '\xc3\xa9',
    stream: [parseFetchEndpoints('ipc://s')],
    req: ['ipc://r'],
    connect: true,
    ipcFileMode: 0o640,
    inHwm: 1,
    outHwm: 2,
    maxOpenRequests: 3,
    bufferSize: 1024,
    maxBodyBytes: 6,
    sessionTimeout: 12_000,
    activityTimeout: 10_000,
    limits: { maxPacketBytes: 70_000, maxHeaders: 8 },
  });
  assert.deepEqual(fetchRules(plan, GUARD), {
    guard: GUARD,
    obeyIgnorePolicies: true,
    decompress: false,
    requestTimeout: 11_000,
  });
});

test('A limit of 0 means no limit, and quirks of Condure and Zurl apply only to their modes', () => {
  const unbounded = { ...plan, maxOpenRequests: 0, timeout: 0, requestTimeout: 0 };
  const limits = serverLimits(unbounded);
  assert.deepEqual(
    [limits.maxOpenRequests, limits.activityTimeout],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  );
  assert.equal('timeoutCondition' in limits || 'quietWebSockets' in limits || 'namesText' in limits, false);
  assert.equal('requestTimeout' in fetchRules(unbounded, GUARD), false);
  assert.equal(serverLimits({ ...plan, timeoutCondition: 'x' }).timeoutCondition, 'x');
  const { quietWebSockets, namesText } = serverLimits({ ...plan, quietWebSockets: true, namesText: true });
  assert.deepEqual([quietWebSockets, namesText], [true, true]);
  assert.equal(webSocketLimits({ ...plan, anyFrameSize: true }).maxFrameBytes, Number.POSITIVE_INFINITY);
});

test('Origins are bounded by what the section says of them', () => {
  const origins = {
    connectTimeout: 13,
    responseTimeout: 14,
    maxResponseHeaderBytes: 9000,
    maxResponseHeaders: 8,
    lenientLineEnds: true,
  };
  assert.deepEqual(clientLimits(plan), {
    ...origins,
    bodyTimeout: 0,
    poolIdleTimeout: 16,
    poolMaxIdle: 17,
    poolMaxTotal: 18,
    connectionMaxTime: 19,
  });
  assert.deepEqual(webSocketLimits(plan), {
    ...DEFAULT_WEBSOCKET_CLIENT_LIMITS,
    ...origins,
    maxFrameBytes: 1024,
    maxMessageBytes: Number.POSITIVE_INFINITY,
    maxFragments: Number.POSITIVE_INFINITY,
    closeTimeout: 15,
    writeTimeout: 10,
    window: 1024,
    queuedMessages: 5,
  });
});

test('Without endpoints nothing is started', () => {
  assert.deepEqual(fetchPlans(parseConfig({})), []);
  for (const fetch of [{ stream: ['ipc://s'] }, { req: ['ipc://r'] }]) {
    const config = parseConfig({ fetch });
    assert.deepEqual(fetchPlans(config), [config.fetch]);
  }
});
