import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condureConfig } from '../../../src/cli/condure-config.ts';
import { parseConfig, parseFetchEndpoints } from '../../../src/config/index.ts';

const alone = { server: { listen: [] }, control: { listen: [] } };

test("without options only the edge listens, on Condure's port and with its name", () => {
  const edge = { id: 'condure', listen: ['0.0.0.0:8000,stream'] };
  assert.deepEqual(condureConfig({}), { config: parseConfig({ ...alone, edge }), fetchPlans: [] });
});

test('every option has its place in the configuration', () => {
  const { config } = condureConfig({
    logLevel: 'debug',
    drainTimeout: 3,
    id: 'a',
    listen: ['80,req', '81'],
    zclientReq: ['ipc://r'],
    zclientStream: ['ipc://s', 'ipc://t'],
    zclientConnect: true,
    ipcFileMode: '660',
    workers: 2,
    maxMessageBytes: 1000,
  });
  const edge = {
    id: 'a',
    listen: ['80,req', '81'],
    zclient_req: ['ipc://r'],
    zclient_stream: ['ipc://s', 'ipc://t'],
    zclient_connect: true,
    ipc_file_mode: '660',
    workers: 2,
    max_message_bytes: 1000,
  };
  const server = { listen: [], drain_timeout: 3 };
  assert.deepEqual(config, parseConfig({ ...alone, server, log: { level: 'debug' }, edge }));
});

test('every invalid value is reported with the name of its option, and its number if there are several', () => {
  assert.throws(
    () =>
      condureConfig({
        drainTimeout: -1,
        id: '',
        listen: ['80', 'x:80'],
        zclientReq: ['tcp://a'],
        reqMaxconn: 'many',
        zserverReq: ['ipc://a', 'x'],
        zserverStream: ['tcp://127.0.0.1:0'],
      }),
    {
      name: 'CliError',
      exitCode: 1,
      message: [
        '--drain-timeout: expected a number of seconds from 0.1 to 3600, or 0 to wait for nothing, got -1',
        '--listen[1]: "x" is a name: expected an address, such as "127.0.0.1:80" or "[::1]:80"',
        '--id: expected 1 to 64 bytes of text without white space and control characters, got ""',
        '--zclient-req: expected "ipc://PATH" or "tcp://HOST:PORT", got "tcp://a"',
        '--req-maxconn: expected a whole number from 1 to 10000000, got "many"',
        '--zserver-stream: a base needs a fixed port, got "tcp://127.0.0.1:0"',
        '--zserver-req[1]: expected "ipc://PATH" or "tcp://HOST:PORT", got "x"',
      ].join('\n'),
    },
  );
});

test('options that exclude each other are reported', () => {
  assert.throws(() => condureConfig({ workers: 3, reqMaxconn: 2, streamMaxconn: 10_000_000 }), {
    message: [
      '--req-maxconn: must not be less than the number of workers, 3',
      '--stream-maxconn: both modes together may have at most 10000000 connections, got 10000002',
    ].join('\n'),
  });
});

test('with outbound requests alone no client port is opened', () => {
  const { config, fetchPlans } = condureConfig({ zserverReq: ['ipc://r'] });
  assert.deepEqual(config.edge.listen, []);
  assert.deepEqual(
    fetchPlans.map(({ stream, req, connect, id }) => ({ stream, req, connect, id })),
    [{ stream: [], req: ['ipc://r'], connect: false, id: 'condure' }],
  );
  assert.equal(condureConfig({ zserverStream: ['ipc://s'], listen: ['80'] }).config.edge.listen.length, 1);
});

test('outbound requests are bounded by the options of their mode, as in Condure', () => {
  const { fetchPlans } = condureConfig({
    ...{ zserverReq: ['ipc://r'], zserverStream: ['ipc://s', 'tcp://127.0.0.1:5000'], zserverConnect: true },
    ...{ id: 'me', ipcFileMode: '660', reqMaxconn: 10, streamMaxconn: 90, bufferSize: 4096, bodyBufferSize: 5000 },
    ...{ reqTimeout: 3, streamTimeout: 4, sessionTimeout: 5, messagesMax: 6, maxHeaders: 70, compression: true },
    denyOutInternal: true,
  });
  const common = {
    ...parseConfig({}).fetch,
    ...{ connect: true, id: 'me', ipcFileMode: 0o660, inHwm: 5, outHwm: 5, bufferSize: 4096, messagesMax: 6 },
    ...{ maxHeaders: 70, sessionTimeout: 5, compression: true, decompress: false, lenientLineEnds: true },
    ...{ allowInternal: false, allowIgnorePolicies: true, connectTimeout: 120 },
    ...{ timeoutCondition: 'connection-timeout', anyFrameSize: true, namesText: true },
  };
  assert.deepEqual(fetchPlans, [
    {
      ...common,
      stream: ['ipc://s', 'tcp://127.0.0.1:5000'].map(parseFetchEndpoints),
      maxOpenRequests: 90,
      timeout: 4,
    },
    { ...common, req: ['ipc://r'], maxOpenRequests: 10, maxBodyBytes: 5000, timeout: 0, requestTimeout: 3 },
  ]);
});

test('internal addresses can be reached by default', () => {
  const allowed = (denyOutInternal?: boolean) =>
    condureConfig({
      zserverReq: ['ipc://r'],
      ...(denyOutInternal !== undefined && { denyOutInternal }),
    }).fetchPlans.map(({ allowInternal }) => allowInternal);
  assert.deepEqual([allowed(), allowed(true)], [[true], [false]]);
});

test('a packet may have a body of the largest buffer size', () => {
  const { fetchPlans } = condureConfig({ zserverReq: ['ipc://r'], bodyBufferSize: 20_000_000 });
  assert.equal(fetchPlans[0]?.maxPacketBytes, 21_048_576);
});

test('connect is set only with an endpoint', () => {
  assert.throws(() => condureConfig({ zserverConnect: true }), {
    name: 'CliError',
    exitCode: 1,
    message: '--zserver-connect: needs --zserver-req or --zserver-stream',
  });
});
