import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../src/codec/tnetstring/index.ts';
import { ExchangeRecord } from '../../../src/exchange/index.ts';
import { accessLine, type LoggedRequest, SiteAccessLog } from '../../../src/mongrel2/access-log.ts';
import { AnswerLog } from '../../../src/mongrel2/answer-log.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

const PEER = { address: '127.0.0.1', port: 37_032 };

function request(path: string, method = 'GET'): LoggedRequest {
  return { host: 'localhost', peer: PEER, time: 1_795_469_239, method, path, version: 'HTTP/1.1' };
}

/** An answer log, and `path status bytes` of each line that it has written. */
function logged() {
  const lines: string[] = [];
  const site = new SiteAccessLog({
    write: (line) => {
      const list = decode(Buffer.from(line.slice(0, -1), 'latin1')) as unknown[];
      lines.push([list[5], list[7], list[8]].join(' '));
    },
  });
  const log = new AnswerLog(site);
  const write = (...texts: string[]): void => {
    for (const text of texts) log.written(Buffer.from(text, 'latin1'));
  };
  return { log, lines, write, site };
}

test('a line is a list as Mongrel2 writes it', () => {
  assert.equal(
    accessLine(request('/h', 'POST'), 200, 0),
    '79:9:localhost,9:127.0.0.1,5:37032#10:1795469239#4:POST,2:/h,8:HTTP/1.1,3:200#1:0#]\n',
  );
});

test('a request with a record costs as much as its head, and all that wait end with the connection', () => {
  const { log, lines, site } = logged();
  const ended: string[] = [];
  const observer = { onExchangeEnd: ({ error }: ExchangeRecord) => void ended.push(error) };
  const head = { ...requestHead(), headers: ['x', 'a'.repeat(9_999)] };
  for (const path of ['/a', '/b']) log.add({ ...request(path), record: new ExchangeRecord(head, observer) });
  assert.deepEqual([lines, ended], [['/a 0 0'], ['']]);
  assert.equal(site.waiting, 10_000 + '/b'.length + 'localhost'.length);
  log.end('HF_CLIENT_GONE');
  assert.deepEqual(ended, ['', 'HF_CLIENT_GONE']);
  assert.equal(site.waiting, 0);
});

test('the status and the length are those that the handler wrote', () => {
  const { log, lines, write } = logged();
  log.add(request('/a'));
  write('HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello');
  log.add(request('/b'));
  write('HTTP/1.0 200 OK\ncontent-length:11\n\n', 'hello', ' world');
  assert.deepEqual(lines, ['/a 404 5', '/b 200 11']);
});

test('a response without a length ends where the next one begins, or with the connection', () => {
  const { log, lines, write } = logged();
  log.add(request('/a'));
  log.add(request('/b'));
  write('HTTP/1.1 200 OK\r\n\r\nabc', 'def');
  assert.deepEqual(lines, []);
  write('HTTP/1.1 201 Created\r\n\r\n');
  assert.deepEqual(lines, ['/a 200 6']);
  write('x');
  log.end();
  assert.deepEqual(lines, ['/a 200 6', '/b 201 1']);
});

test('of one answer 16,384 bytes are read as heads, those of interim responses included', () => {
  const long = (bytes: number) => `HTTP/1.1 200 OK\nX: ${'a'.repeat(bytes - 21)}\n\n`;
  const interim = (count: number) => 'HTTP/1.1 100 \n\n'.repeat(count);
  for (const [text, line] of [
    [`${long(16_384)}rest`, '/a 200 4'],
    [`${long(16_385)}rest`, '/a 200 0'],
    [`${interim(1_090)}HTTP/1.1 200 OK\r\n\r\n`, '/a 200 0'],
    [`${interim(1_092)}HTTP/1.1 200 OK\r\n\r\n`, '/a 0 19'],
  ] as const) {
    const { log, lines, write } = logged();
    log.add(request('/a'));
    write(text);
    log.end();
    assert.deepEqual(lines, [line]);
  }
});

test('a chunked response ends with the message that ends in the last chunk', () => {
  const { log, lines, write } = logged();
  log.add(request('/a'));
  write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '3\r\nabc\r\n');
  assert.deepEqual(lines, []);
  write('0\r\n\r\n');
  assert.deepEqual(lines, ['/a 200 13']);
});

test('responses in one message are told apart by their lengths', () => {
  const { log, lines, write } = logged();
  for (const path of ['/a', '/b', '/c']) log.add(request(path));
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: ';
  write(`${head}2\r\n\r\nab${head}0\r\n\r\n${head}3\r\n\r\nabc${head}9\r\n\r\nunclaimed`);
  assert.deepEqual(lines, ['/a 200 2', '/b 200 0', '/c 200 3']);
});

test('an interim response is not the response, and 101 is one', () => {
  const { log, lines, write } = logged();
  log.add(request('/a'));
  write(
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!',
  );
  log.add(request('/socket'));
  write('HTTP/1.1 101 Switching Protocols\r\n\r\n', '\x81\x05hello');
  log.end();
  assert.deepEqual(lines, ['/a 200 1', '/socket 101 7']);
});

test('responses that have no body end with their head', () => {
  const { log, lines, write } = logged();
  log.add(request('/a', 'HEAD'));
  write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n');
  log.add(request('/b'));
  write('HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n');
  log.add(request('/c'));
  write('HTTP/1.1 204 No Content\r\n\r\n');
  assert.deepEqual(lines, ['/a 200 0', '/b 304 0', '/c 204 0']);
});

test('a request without a response has the status 0', () => {
  const { log, lines, write } = logged();
  log.add(request('/a'));
  log.add(request('/b'));
  write('not a response');
  log.end();
  assert.deepEqual(lines, ['/a 0 14', '/b 0 0']);
});

test('what handlers write without a request is not logged', () => {
  const { log, lines, write } = logged();
  write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  log.add(request('/a'));
  write('HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n', 'more');
  log.end();
  assert.deepEqual(lines, ['/a 205 0']);
});

test('requests that wait for their lines are bounded in bytes, and the oldest is written at the bound', () => {
  const { log, lines } = logged();
  for (let i = 0; i < 65; i++) log.add(request(`/${i}`));
  assert.deepEqual(lines, ['/0 0 0']);
  log.add(request(`/${'x'.repeat(16_384)}`));
  assert.equal(lines.length, 65);
});

test('what waits for all connections is bounded too, and one request of each always waits', () => {
  const { log, lines, site } = logged();
  const others: AnswerLog[] = [];
  while (site.waiting <= 67_108_864) {
    const other = new AnswerLog(site);
    for (let i = 0; i < 64; i++) other.add(request('/'));
    others.push(other);
  }
  assert.equal(lines.length, 63, 'of the last connection only one waits');
  log.add(request('/a'));
  assert.equal(lines.length, 63);
  log.add(request('/b'));
  assert.deepEqual(lines.slice(63), ['/a 0 0']);
  for (const each of [log, ...others]) each.end();
  assert.equal(site.waiting, 0);
});

test('no bytes of a handler make the log fail', () => {
  const { log, lines, write } = logged();
  const texts = [
    '',
    'H',
    'HTTP/1.1 20',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 200',
    'HTTP/1.1 200\r',
    'HTTP/1.1 200\r\n\r',
    'HTTP/2.1 200 OK',
  ];
  for (const text of [
    ...texts,
    'HTTP/1.1 200\r\nContent-Length:\r\n\r\n',
    'HTTP/1.1 200\r\nContent-Length: 99999999999999999999\r\n\r\nx',
  ]) {
    log.add(request('/a'));
    write(text);
  }
  log.end();
  assert.equal(lines.length, 10);
});
