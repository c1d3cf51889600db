import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldValues } from '../../src/codec/fields/index.ts';
import {
  acceptDeflate,
  type DeflateParameters,
  HandshakeError,
  offerFields,
  parseExtensions,
  readHandshakeResponse,
} from '../../src/codec/websocket/index.ts';
import { escapeText, readCases } from '../support/cases.ts';
import { compare, DIFFERENCES, type Verdict } from '../support/websocket/differences.ts';
import type { Reading } from '../support/websocket/messages.ts';
import { readByUs } from '../support/websocket/our-side.ts';
import { readByWs, type WsParameters, wsDeflate, wsExtension } from '../support/websocket/ws-side.ts';
import { feedingOf } from '../unit/codec/websocket/frame-transcript.ts';

describe('ws reads what we read', () => {
  const verdicts = new Set<Verdict>();

  /** Has both read `input`, whole and its beginning byte by byte. */
  async function check(input: Buffer, reading: Reading): Promise<void> {
    for (const pieces of [[input], Array.from(input, (byte) => Buffer.from([byte])).slice(0, 1_000)]) {
      const ours = await readByUs(pieces, reading);
      const theirs = await readByWs(pieces, reading);
      const verdict = compare(ours, theirs);
      verdicts.add(verdict);
      // What is said of the difference is for whoever reads the failure.
      if (verdict === 'different') assert.equal(escapeText(ours.join('\n')), escapeText(theirs.join('\n')));
    }
  }

  for (const protocolCase of readCases('websocket').filter(({ kind }) => kind.startsWith('frames'))) {
    const { role, limits, compression } = feedingOf(protocolCase);
    test(`${protocolCase.document}: ${protocolCase.title}`, () =>
      check(protocolCase.input, {
        role,
        limits,
        compression: compression ? { windowBits: 15, contextTakeover: true } : null,
      }));
  }

  const compressed: Reading = {
    role: 'client',
    limits: { maxFrameBytes: 100, maxMessageBytes: 100, maxFragments: 10 },
    compression: { windowBits: 15, contextTakeover: true },
  };

  test('a compressed message that continues after its last block', () =>
    check(Buffer.from([0xc2, 10, 0x4b, 0x04, 0x00, 0x4b, 0x04, 0x00, 0x4b, 0x04, 0x00, 0x00]), compressed));

  // A stored block (RFC 1951 §3.2.4) of 7 bytes, of which 3 have come: ws takes the end that RFC 7692 §7.2.2 adds for the others.
  test('a compressed message that is cut off within its last block', () =>
    check(Buffer.from([0xc2, 8, 0x00, 0x07, 0x00, 0xf8, 0xff, 0x61, 0x62, 0x63]), compressed));

  // There is no third type of blocks.
  test('a compressed message that is no deflated data, before its frame is complete', () =>
    check(Buffer.from([0xc2, 10, 0xff]), compressed));

  test('each known difference occurred', () => {
    assert.deepEqual(
      DIFFERENCES.filter((difference) => !verdicts.has(difference)).map(({ why }) => why),
      [],
    );
  });
});

const WINDOWS = [8, 9, 12, 15];
const OUR_POLICIES: DeflateParameters[] = [false, true].flatMap((serverNoContextTakeover) =>
  [false, true].flatMap((clientNoContextTakeover) =>
    WINDOWS.slice(1).flatMap((serverMaxWindowBits) =>
      WINDOWS.slice(1).map((clientMaxWindowBits) => ({
        serverNoContextTakeover,
        clientNoContextTakeover,
        serverMaxWindowBits,
        clientMaxWindowBits,
      })),
    ),
  ),
);
/** Options of `ws`, of which one that is left out leaves the choice to the other side. */
const THEIR_POLICIES = [undefined, true, false].flatMap((serverNoContextTakeover) =>
  [undefined, true, false].flatMap((clientNoContextTakeover) =>
    [undefined, false, ...WINDOWS].flatMap((serverMaxWindowBits) =>
      [undefined, false, ...WINDOWS].map((clientMaxWindowBits) => ({
        serverNoContextTakeover,
        clientNoContextTakeover,
        serverMaxWindowBits,
        clientMaxWindowBits,
      })),
    ),
  ),
);

const NAME = 'permessage-deflate';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ANSWER = [
  'Upgrade',
  'websocket',
  'Connection',
  'Upgrade',
  'Sec-WebSocket-Accept',
  's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
];

/** The parameters of `ws` in our words. */
function inOurWords(params: WsParameters): DeflateParameters {
  return {
    serverNoContextTakeover: params.server_no_context_takeover === true,
    clientNoContextTakeover: params.client_no_context_takeover === true,
    serverMaxWindowBits: Number(params.server_max_window_bits ?? 15),
    clientMaxWindowBits: Number(params.client_max_window_bits ?? 15),
  };
}

describe('permessage-deflate is agreed on with ws', () => {
  test('as a server, unless it asks us for a window that zlib cannot do', () => {
    for (const theirs of THEIR_POLICIES) {
      for (const ours of OUR_POLICIES) {
        const client = wsDeflate(theirs);
        const offer = wsExtension.format({ [NAME]: client.offer() });
        const accepted = acceptDeflate(parseExtensions([offer]), ours);
        assert.equal(accepted === null, theirs.serverMaxWindowBits === 8, offer);
        if (accepted === null) continue;
        const { [NAME]: answer = [] } = wsExtension.parse(accepted.extension);
        // A client that has ruled this out fails the connection; so it is never asked to.
        if (theirs.clientNoContextTakeover === false && ours.clientNoContextTakeover) {
          assert.throws(() => client.accept(answer));
          continue;
        }
        assert.deepEqual(inOurWords(client.accept(answer)), accepted.parameters, `${offer} -> ${accepted.extension}`);
      }
    }
  });

  test('as a client, unless it asks us for a window that zlib cannot do', () => {
    let agreed = 0;
    for (const theirs of THEIR_POLICIES) {
      for (const ours of OUR_POLICIES) {
        const server = wsDeflate({ ...theirs, isServer: true });
        const offer = { key: KEY, protocols: [], deflate: ours, extensions: [] };
        const [offered = ''] = fieldValues(offerFields(offer), 'sec-websocket-extensions');
        const { [NAME]: offers = [] } = wsExtension.parse(offered);
        let params: WsParameters;
        try {
          params = server.accept(offers);
        } catch {
          continue;
        }
        const answer = wsExtension.format({ [NAME]: params });
        const read = () => readHandshakeResponse([...ANSWER, 'Sec-WebSocket-Extensions', answer], offer).deflate;
        if (params.client_max_window_bits === 8) {
          assert.throws(read, HandshakeError, answer);
          continue;
        }
        agreed++;
        const expected = inOurWords(params);
        // RFC 7692 §7.1.2.2: what we have offered of ourselves holds also if the answer is silent about it.
        const clientMaxWindowBits = Math.min(expected.clientMaxWindowBits, ours.clientMaxWindowBits);
        assert.deepEqual(read(), { ...expected, clientMaxWindowBits }, `${offered} -> ${answer}`);
      }
    }
    assert.ok(agreed > OUR_POLICIES.length);
  });
});
