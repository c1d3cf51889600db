import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { ask, askFor, CHANGED, FileRequester, FilesFixture, fieldOf, responseOf } from './support.ts';

const LARGE = Buffer.alloc(200_000, 'abcdefghij');

describe('what is served', () => {
  test('a file with its fields', async (t) => {
    const fixture = new FilesFixture(t, { 'a/page.html': 'hello' });
    const requester = ask(fixture.service(), '/a/page.html?query');
    assert.equal(await responseOf(requester), '200 hello');
    assert.equal(requester.head?.bodyLength, 5);
    assert.deepEqual(requester.head?.headers, [
      'Content-Type',
      'text/html',
      'Last-Modified',
      'Fri, 02 Jan 2026 03:04:05 GMT',
      'ETag',
      `"${(CHANGED.getTime() * 1_000).toString(16)}-5"`,
      'Date',
      new Date(fixture.date).toUTCString(),
      'Server',
      'test',
      'Accept-Ranges',
      'bytes',
    ]);
  });

  test('HEAD gets the head alone, of small, large and empty files', async (t) => {
    const fixture = new FilesFixture(t, { small: 'hello', large: LARGE, empty: '' });
    for (const [name, length] of [
      ['small', 5],
      ['large', LARGE.length],
      ['empty', 0],
    ] as const) {
      const requester = ask(fixture.service(), `/${name}`, { method: 'HEAD', headers: ['Range', 'bytes=0-1'] });
      assert.equal(await responseOf(requester), '200 ');
      assert.equal(requester.head?.bodyLength, length);
      assert.equal(fieldOf(requester, 'content-length'), length === 0 ? '0' : undefined);
    }
    assert.equal(fixture.used, 0);
  });

  test('other methods get 405, with those that are allowed', async (t) => {
    const fixture = new FilesFixture(t, { a: 'x' });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'get']) {
      const requester = ask(fixture.service(), '/a', { method });
      assert.equal(await responseOf(requester), '405 Method Not Allowed');
      assert.equal(fieldOf(requester, 'allow'), 'GET, HEAD');
    }
  });

  test('a path that ends in a slash is the index of the folder', async (t) => {
    const fixture = new FilesFixture(t, { 'index.html': 'root', 'a/index.html': 'a', 'b/x': '' });
    const service = fixture.service();
    assert.equal(await responseOf(ask(service, '/')), '200 root');
    assert.equal(await responseOf(ask(service, '/a/')), '200 a');
    assert.equal(await responseOf(ask(service, '/b/')), '404 Not Found');
    assert.equal(await responseOf(ask(fixture.service({ indexFile: '' }), '/a/')), '404 Not Found');
    assert.equal(await responseOf(ask(fixture.service({ indexFile: 'a' }), '/')), '404 Not Found');
  });

  test('a folder without its slash is redirected, with the query', async (t) => {
    const fixture = new FilesFixture(t, { 'a/b/index.html': '' });
    const requester = ask(fixture.service(), '/a/b?x=1', { authority: 'example.com:8080' });
    assert.equal(await responseOf(requester), '301 ');
    assert.equal(fieldOf(requester, 'location'), '//example.com:8080/a/b/?x=1');
  });

  test('a redirect never leads to a host that the path names', async (t) => {
    const fixture = new FilesFixture(t, { 'a/b/index.html': '' });
    const without = ask(fixture.service(), '//a/b', { authority: '' });
    assert.equal(await responseOf(without), '301 ');
    assert.equal(fieldOf(without, 'location'), './b/');
    const doubled = ask(fixture.service(), '//a/b');
    await responseOf(doubled);
    assert.equal(fieldOf(doubled, 'location'), '//example.com//a/b/');
  });

  test('what follows the prefix of the route is looked up', async (t) => {
    const fixture = new FilesFixture(t, { 'a.txt': 'a', 'index.html': 'i', 'robots.txt': 'r', static: 's' });
    assert.equal(await responseOf(ask(fixture.service({}, '/static/'), '/static/a.txt')), '200 a');
    assert.equal(await responseOf(ask(fixture.service({}, '/static'), '/static/a.txt')), '200 a');
    assert.equal(await responseOf(ask(fixture.service({}, '/static'), '/statica.txt')), '200 a');
    assert.equal(await responseOf(ask(fixture.service({}, '/static/'), '/static/')), '200 i');
    // A path that is the prefix itself is looked up as a whole.
    assert.equal(await responseOf(ask(fixture.service({}, '/robots.txt'), '/robots.txt')), '200 r');
    assert.equal(await responseOf(ask(fixture.service({}, '/static'), '/static')), '200 s');
  });

  test('names of any kind are found, hidden ones too', async (t) => {
    const fixture = new FilesFixture(t, { 'ü b%.txt': '1', '.well-known/x': '2', '...': '3', '~a': '4' });
    const service = fixture.service();
    assert.equal(await responseOf(ask(service, '/%C3%BC%20b%25.txt')), '200 1');
    assert.equal(await responseOf(ask(service, '/.well-known/x')), '200 2');
    assert.equal(await responseOf(ask(service, '/...')), '200 3');
    assert.equal(await responseOf(ask(service, '/%7Ea')), '200 4');
  });

  test('a file in the place of a folder, and a name that is too long, are not found', async (t) => {
    const fixture = new FilesFixture(t, { a: '' });
    for (const path of ['/a/', '/a/b', `/${'x'.repeat(300)}`, `/${'x/'.repeat(3_000)}`, '/missing']) {
      assert.equal(await responseOf(ask(fixture.service(), path)), '404 Not Found', path.slice(0, 20));
    }
    assert.equal(fixture.counters.filesFailed, 0);
  });

  test('media types of the site come first', async (t) => {
    const fixture = new FilesFixture(t, { 'a.html': '', 'a.x': '' });
    const service = fixture.service({ types: { '.html': 'a/b' }, defaultType: 'c/d' });
    for (const [path, type] of [
      ['/a.html', 'a/b'],
      ['/a.x', 'c/d'],
    ] as const) {
      const requester = ask(service, path);
      await responseOf(requester);
      assert.equal(fieldOf(requester, 'content-type'), type);
    }
  });
});

describe('parts and conditions', () => {
  for (const [name, content] of [
    ['small', LARGE.subarray(0, 2_000)],
    ['large', LARGE],
  ] as const) {
    test(`one range of a ${name} file`, async (t) => {
      const fixture = new FilesFixture(t, { f: content });
      const requester = ask(fixture.service(), '/f', { headers: ['Range', 'bytes=1995-'], credits: 1_000_000 });
      assert.equal(await responseOf(requester), `206 ${content.subarray(1_995).toString()}`);
      const end = content.length;
      assert.equal(fieldOf(requester, 'content-range'), `bytes 1995-${end - 1}/${end}`);
      assert.equal(requester.head?.bodyLength, end - 1_995);
    });

    test(`several ranges of a ${name} file`, async (t) => {
      const fixture = new FilesFixture(t, { 'f.txt': content });
      const requester = ask(fixture.service(), '/f.txt', { headers: ['Range', 'bytes=0-1,-3'] });
      const head = await requester.completed();
      const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{32})$/.exec(
        fieldOf(requester, 'content-type') ?? '',
      )?.[1];
      const end = content.length;
      const expected = [
        '',
        `--${boundary}`,
        'Content-Type: text/plain',
        `Content-Range: bytes 0-1/${end}`,
        '',
        'ab',
        `--${boundary}`,
        'Content-Type: text/plain',
        `Content-Range: bytes ${end - 3}-${end - 1}/${end}`,
        '',
        'hij',
        `--${boundary}--`,
        '',
      ].join('\r\n');
      assert.equal(requester.body, expected);
      assert.equal(head.status, 206);
      assert.equal(head.bodyLength, expected.length);
    });
  }

  test('a range that the file does not have gets 416 with its length', async (t) => {
    const fixture = new FilesFixture(t, { f: 'hello' });
    const requester = ask(fixture.service(), '/f', { headers: ['Range', 'bytes=5-'] });
    assert.equal((await requester.completed()).status, 416);
    assert.equal(fieldOf(requester, 'content-range'), 'bytes */5');
  });

  test('a 304 has the fields of the file and no body', async (t) => {
    const fixture = new FilesFixture(t, { f: 'hello' });
    const service = fixture.service();
    const first = ask(service, '/f');
    await first.completed();
    const etag = fieldOf(first, 'etag') ?? '';
    for (const headers of [
      ['If-None-Match', etag],
      ['If-Modified-Since', fieldOf(first, 'last-modified') ?? ''],
    ]) {
      const requester = ask(service, '/f', { headers });
      assert.equal(await responseOf(requester), '304 ');
      assert.equal(fieldOf(requester, 'etag'), etag);
      assert.equal(fieldOf(requester, 'content-type'), undefined);
    }
  });

  test('a 412 has a text', async (t) => {
    const fixture = new FilesFixture(t, { f: 'hello' });
    assert.equal(
      await responseOf(ask(fixture.service(), '/f', { headers: ['If-Match', '"x"'] })),
      '412 Precondition Failed',
    );
  });

  test('with an If-Range of another state the whole file comes', async (t) => {
    const fixture = new FilesFixture(t, { f: 'hello' });
    const headers = ['Range', 'bytes=0-1', 'If-Range', '"x"'];
    assert.equal(await responseOf(ask(fixture.service(), '/f', { headers })), '200 hello');
  });

  test('the date of a change is never later than that of the response', async (t) => {
    const fixture = new FilesFixture(t);
    fixture.write('f', 'x', new Date(fixture.date + 10_000_000));
    const requester = ask(fixture.service(), '/f');
    await requester.completed();
    assert.equal(fieldOf(requester, 'last-modified'), fieldOf(requester, 'date'));
  });
});

describe('changes', () => {
  test('a changed, replaced or deleted file is noticed with the next request', async (t) => {
    const fixture = new FilesFixture(t, { f: 'one' });
    const service = fixture.service();
    assert.equal(await responseOf(ask(service, '/f')), '200 one');
    // From memory: the response is there when the call returns.
    assert.deepEqual(ask(service, '/f').response, [200, 'one']);
    fixture.write('f', 'two');
    assert.equal(await responseOf(ask(service, '/f')), '200 two');
    fixture.write('g', 'new');
    renameSync(join(fixture.folder, 'g'), join(fixture.folder, 'f'));
    assert.equal(await responseOf(ask(service, '/f')), '200 new');
    rmSync(join(fixture.folder, 'f'));
    assert.equal(await responseOf(ask(service, '/f')), '404 Not Found');
    fixture.write('f', 'back');
    assert.equal(await responseOf(ask(service, '/f')), '200 back');
  });

  test('a file counts as unchanged for the TTL', async (t) => {
    const fixture = new FilesFixture(t, { f: 'one' });
    const service = fixture.service({ cacheTtl: 5 });
    assert.equal(await responseOf(ask(service, '/f')), '200 one');
    fixture.write('f', 'two');
    fixture.clock += 4_999;
    assert.equal(await responseOf(ask(service, '/f')), '200 one');
    fixture.clock += 1;
    assert.equal(await responseOf(ask(service, '/f')), '200 two');
  });

  test('a file that has just been written may change again within the same tick, so it is read each time', async (t) => {
    const fixture = new FilesFixture(t, { f: 'one' });
    fixture.date = Date.now();
    const service = fixture.service();
    await responseOf(ask(service, '/f'));
    assert.equal(ask(service, '/f').head, null);
  });

  test('the date of responses from memory goes on', async (t) => {
    const fixture = new FilesFixture(t, { f: 'one' });
    const service = fixture.service();
    await responseOf(ask(service, '/f'));
    fixture.date += 1_000;
    assert.equal(fieldOf(ask(service, '/f'), 'date'), new Date(fixture.date).toUTCString());
  });

  test('a request that comes while a file is looked for gets its state of then or later', async (t) => {
    const fixture = new FilesFixture(t, { f: 'one' });
    const service = fixture.service();
    const first = ask(service, '/f');
    const second = ask(service, '/f');
    const third = ask(service, '/f');
    await first.completed();
    // The first look was before this, so what comes later has to look again.
    const late = [ask(service, '/g'), ask(service, '/g')];
    fixture.write('g', 'there');
    assert.deepEqual([second.body, third.body], ['one', 'one']);
    await late[0]?.completed();
    assert.equal(await responseOf(late[1] as (typeof late)[0]), '200 there');
  });

  test('a response that brings the next request for the same file at once holds up no other', async (t) => {
    const fixture = new FilesFixture(t);
    const service = fixture.service();
    const pipelined: FileRequester[] = [];
    /** The connection goes on to its next request within the response to the one before. */
    class Pipelining extends FileRequester {
      override onResponseData(chunk: Buffer, more: boolean): void {
        super.onResponseData(chunk, more);
        if (!more && pipelined.length < 10) pipelined.push(askFor(new Pipelining(65_536), service, '/missing'));
      }
    }
    pipelined.push(askFor(new Pipelining(65_536), service, '/missing'));
    for (let i = 0; i < 10; i++) {
      assert.ok((await responseOf(ask(service, '/missing'))).startsWith('404 '));
      assert.ok((await responseOf(pipelined[i] as FileRequester)).startsWith('404 '));
    }
  });

  test('a link that is set to another file or folder is followed anew', async (t) => {
    const fixture = new FilesFixture(t, { 'v1/f': 'one', 'v2/f': 'two' });
    const link = join(fixture.folder, 'current');
    symlinkSync('v1', link);
    const inside = fixture.service();
    const root = fixture.service({ root: link });
    assert.equal(await responseOf(ask(inside, '/current/f')), '200 one');
    assert.equal(await responseOf(ask(root, '/f')), '200 one');
    rmSync(link);
    symlinkSync('v2', link);
    assert.equal(await responseOf(ask(inside, '/current/f')), '200 two');
    assert.equal(await responseOf(ask(root, '/f')), '200 two');
  });

  test('a folder that does not exist yet has no files', async (t) => {
    const fixture = new FilesFixture(t);
    const root = join(fixture.folder, 'later');
    const service = fixture.service({ root });
    assert.equal(await responseOf(ask(service, '/f')), '404 Not Found');
    mkdirSync(root);
    writeFileSync(join(root, 'f'), 'here');
    assert.equal(await responseOf(ask(service, '/f')), '200 here');
  });
});

describe('large files', () => {
  test('are read as the client takes them, and closed then', async (t) => {
    const fixture = new FilesFixture(t, { f: LARGE });
    const requester = ask(fixture.service(), '/f', { credits: 1_000 });
    await requester.until(() => requester.credits === 0);
    assert.equal(requester.body.length, 1_000);
    assert.equal(fixture.used, 1);
    requester.grant(50_000);
    await requester.until(() => requester.credits === 0);
    requester.grant(1_000_000);
    await requester.completed();
    assert.ok(requester.body === LARGE.toString());
    assert.ok(requester.chunks.every(({ length }) => length <= 65_536));
    assert.equal(fixture.used, 0);
  });

  test('have one descriptor for all that get them', async (t) => {
    const fixture = new FilesFixture(t, { f: LARGE });
    const service = fixture.service();
    const slow = ask(service, '/f', { credits: 1 });
    await slow.until(() => slow.credits === 0);
    const others = [ask(service, '/f'), ask(service, '/f', { headers: ['Range', 'bytes=-5'] })];
    assert.equal(fixture.used, 1);
    for (const other of others) other.grant(1_000_000);
    for (const other of others) await other.completed();
    assert.equal(fixture.used, 1);
    slow.leave();
    assert.equal(fixture.used, 0);
  });

  test('are closed when the client leaves, during a read too', async (t) => {
    const fixture = new FilesFixture(t, { f: LARGE });
    const service = fixture.service();
    const requester = ask(service, '/f', { credits: 1_000 });
    await requester.until(() => requester.credits === 0);
    requester.grant(1_000);
    requester.leave();
    assert.equal(fixture.used, 1);
    // The read that was under way ends before this look at the file does.
    await responseOf(ask(service, '/missing'));
    assert.equal(fixture.used, 0);
  });

  test('a client that leaves while the file is looked for gets nothing', async (t) => {
    const fixture = new FilesFixture(t, { f: LARGE });
    const service = fixture.service();
    const requester = ask(service, '/f');
    requester.leave();
    await responseOf(ask(service, '/missing'));
    assert.equal(fixture.used, 0);
    assert.deepEqual(requester.calls, []);
  });

  test('one that becomes shorter while it is sent breaks off', async (t) => {
    const fixture = new FilesFixture(t, { f: LARGE });
    const requester = ask(fixture.service(), '/f', { credits: 1_000 });
    await requester.until(() => requester.credits === 0);
    truncateSync(join(fixture.folder, 'f'), 1_500);
    requester.grant(100_000);
    const error = await requester.failed();
    assert.ok(error instanceof ExchangeError);
    assert.equal(error.code, 'HF_FILE_FAILED');
    assert.equal(error.detail, 'f: it has become shorter');
    assert.equal(fixture.counters.filesFailed, 1);
    assert.equal(fixture.used, 0);
  });

  test('a change meanwhile gets the new state to later requests', async (t) => {
    const fixture = new FilesFixture(t, { f: LARGE, g: Buffer.alloc(100_000, 'x') });
    const service = fixture.service();
    const slow = ask(service, '/f', { credits: 1 });
    await slow.until(() => slow.credits === 0);
    renameSync(join(fixture.folder, 'g'), join(fixture.folder, 'f'));
    const later = ask(service, '/f', { credits: 1_000_000 });
    assert.equal((await later.completed()).bodyLength, 100_000);
    slow.grant(1_000_000);
    await slow.completed();
    assert.ok(slow.body === LARGE.toString());
    assert.equal(fixture.used, 0);
  });
});
