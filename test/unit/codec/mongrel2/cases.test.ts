import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  encodeAnswers,
  encodeControls,
  HandlerMessages,
  type HeaderProtocol,
  parseAnswer,
  parseHandlerMessage,
} from '../../../../src/codec/mongrel2/index.ts';
import { escapeText, type ProtocolCase, readCases } from '../../../support/cases.ts';
import { type CaseBounds, eventsOf } from './message-events.ts';

const CASES = readCases('mongrel2');

describe('the cases of test/cases/mongrel2 are read', () => {
  for (const protocolCase of CASES) {
    test(`${protocolCase.document}: ${protocolCase.title}`, () => {
      const { document, line, kind, input, events } = protocolCase;
      for (const pieces of cuts(input)) {
        const found = eventsOf(kind, pieces, boundsOf(protocolCase));
        assert.equal(escapeText(found.join('\n')), escapeText(events.join('\n')), `${document}:${line}`);
      }
    });
  }
});

describe('the messages of test/cases/mongrel2 are written', () => {
  for (const protocolCase of CASES.filter(isWritten)) {
    test(`${protocolCase.document}: ${protocolCase.title}`, () => {
      const { document, line, kind, input } = protocolCase;
      const written = kind === 'mongrel2 message' ? writtenMessage(input) : writtenAnswer(input);
      assert.equal(escapeText(written), escapeText(input.toString('latin1')), `${document}:${line}`);
    });
  }
});

/** The input whole, cut in two at every place, and byte by byte. */
function* cuts(input: Buffer): Generator<Buffer[]> {
  yield [input];
  for (let at = 1; at < input.length; at++) yield [input.subarray(0, at), input.subarray(at)];
  yield Array.from(input, (_byte, at) => input.subarray(at, at + 1));
}

/** Clients' bytes are only read, and errors are not written. */
function isWritten({ kind, events, options }: ProtocolCase): boolean {
  const isMessage = kind === 'mongrel2 message' || kind === 'mongrel2 answer';
  return isMessage && !options.has('not written') && !events.some((event) => event.startsWith('error '));
}

function boundsOf({ options }: ProtocolCase): CaseBounds {
  return { ids: Number(options.get('ids') ?? 128), bytes: Number(options.get('bytes') ?? 1_000) };
}

/** Reads a message as a handler does and writes it as the server does. */
function writtenMessage(input: Buffer): string {
  const { uuid, id, path, headers, body } = parseHandlerMessage(input);
  const protocol: HeaderProtocol = /^\S+ \d+ \S+ \d+:\{/.test(input.toString('latin1')) ? 'json' : 'tnetstring';
  const messages = new HandlerMessages({ ident: uuid, protocol, keepForwardedFor: false });
  if (path === '@*') {
    const credits = headers.get('DOWNLOAD_CREDITS');
    return credits === undefined ? messages.disconnect(id) : messages.credits(id, Number(credits));
  }
  const value = (name: string) => latin1(headers.get(name) as string);
  const fields = [...headers]
    .filter(([name]) => name !== name.toUpperCase() && name !== 'x-forwarded-for')
    .flatMap(([name, values]) => [values].flat().flatMap((each) => [name, latin1(each)]));
  const request = {
    method: value('METHOD'),
    target: value('URI'),
    scheme: value('URL_SCHEME') as 'http' | 'https',
    version: value('VERSION').slice(5) as '1.0' | '1.1',
    headers: fields,
    peer: { address: value('REMOTE_ADDR'), port: 0 },
  };
  const pattern = messages.pattern(headers.get('PATTERN') as string);
  return messages.request(id, request, pattern, '', body).toString('latin1');
}

/** Reads an answer as the server does and writes it as a handler does. */
function writtenAnswer(input: Buffer): string {
  const uuid = input.toString('latin1', 0, input.indexOf(' '));
  const { ids, body, control } = parseAnswer(input, 128);
  const [message = [], ...others] =
    control === null ? encodeAnswers(uuid, ids, body) : encodeControls(uuid, ids, control);
  assert.deepEqual(others, []);
  return Buffer.concat(message).toString('latin1');
}

/** Text as its bytes in UTF-8. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
