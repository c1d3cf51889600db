import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condureConfig } from '../../../src/cli/condure-config.ts';
import { parseConfig } from '../../../src/config/index.ts';

const alone = { server: { listen: [] }, control: { listen: [] } };

test('without options only the edge listens, where Condure does, under its name', () => {
  assert.deepEqual(
    condureConfig({}),
    parseConfig({ ...alone, edge: { id: 'condure', listen: ['0.0.0.0:8000,stream'] } }),
  );
});

test('every option has its place in the configuration', () => {
  const config = condureConfig({
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

test('every wrong value is reported under the name of its option, with its number where there are several', () => {
  assert.throws(
    () =>
      condureConfig({
        drainTimeout: -1,
        id: '',
        listen: ['80', 'x:80'],
        zclientReq: ['tcp://a'],
        reqMaxconn: 'many',
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
      ].join('\n'),
    },
  );
});

test('options that do not go together are reported', () => {
  assert.throws(() => condureConfig({ workers: 3, reqMaxconn: 2, streamMaxconn: 10_000_000 }), {
    message: [
      '--req-maxconn: must not be less than the number of workers, 3',
      '--stream-maxconn: both modes together may have 10000000 connections at most, got 10000002',
    ].join('\n'),
  });
});
