import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '../../src/codec/tnetstring/index.ts';
import { SiteAccessLog } from '../../src/mongrel2/access-log.ts';
import { AnswerLog } from '../../src/mongrel2/answer-log.ts';
import { failedReply, parseControlCommand } from '../../src/mongrel2/control-command.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 400, numRuns: 20_000 };

/** Texts of which few are what they look like. */
function texts(...pieces: string[]): fc.Arbitrary<Buffer> {
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 8 }));
  return fc.array(piece, { maxLength: 8 }).map((list) => Buffer.from(list.join(''), 'latin1'));
}

test('any bytes at the control port are a command, or have a reply that says what is wrong', () => {
  const valid = encode(['status', { what: 'net' }]).toString('latin1');
  const message = texts(valid, '4:kill,', '2:id,', '1:7#', '0:}', '0:]', '3:1.5^', '4:true!', '0:~', '99999:');
  fc.assert(
    fc.property(
      fc.oneof(
        message,
        message.map((bytes) => encode([bytes, { a: bytes }])),
      ),
      (bytes) => {
        const command = parseControlCommand(bytes);
        if (typeof command === 'string') assert.ok(decode(failedReply(command)));
        else assert.equal(typeof command.name, 'string');
      },
    ),
    BOX,
  );
});

test('each request has one line in the access log, whatever the handler writes, and nothing stays', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  const body = 'Content-Length: 3\r\n\r\nabc';
  const written = texts(
    head,
    body,
    'HTTP/1.1 100 x\r\n\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n',
    '0\r\n\r\n',
    'HTTP/1.',
  );
  const step = fc.oneof(fc.constant(null), written);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const lines: string[] = [];
      const site = new SiteAccessLog({ write: (line) => lines.push(line) });
      const log = new AnswerLog(site);
      let requests = 0;
      for (const bytes of steps) {
        if (bytes === null) {
          const peer = { address: '127.0.0.1', port: 1 };
          log.add({ host: 'h', peer, time: 1, method: 'GET', path: `/${requests++}`, version: 'HTTP/1.1' });
        } else {
          log.written(bytes);
        }
      }
      log.end();
      assert.equal(site.waiting, 0);
      const paths = lines.map((line) => String((decode(Buffer.from(line.slice(0, -1), 'latin1')) as Buffer[])[5]));
      assert.deepEqual(
        paths,
        Array.from({ length: requests }, (_, i) => `/${i}`),
      );
    }),
    BOX,
  );
});
