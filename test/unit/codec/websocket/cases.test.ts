import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { escapeText, type ProtocolCase, readCases } from '../../../support/cases.ts';
import { FrameTranscript, feedingOf } from './frame-transcript.ts';
import { handshakeEvents } from './handshake-transcript.ts';

/** Message bytes granted at a time. */
const CREDITS = [Number.POSITIVE_INFINITY, 7, 1];

/** Longer inputs are not cut at every byte, but at each of the first ones and at places evenly spread. */
const FIRST_SPLITS = 16;
const MAX_SPLITS = 300;

/** Bytes that a case may take in all its cuts with one credit: the longest inputs are cut at fewer places. */
const MAX_BYTES = 1_000_000;

describe('the cases of test/cases/websocket', () => {
  for (const protocolCase of readCases('websocket')) {
    const check = protocolCase.kind.startsWith('handshake') ? checkHandshake : checkFrames;
    test(`${protocolCase.document}: ${protocolCase.title}`, () => check(protocolCase));
  }
});

function checkHandshake(protocolCase: ProtocolCase): void {
  const { document, line } = protocolCase;
  const events = handshakeEvents(protocolCase).join('\n');
  assert.equal(escapeText(events), escapeText(protocolCase.events.join('\n')), `${document}:${line}`);
}

/** Each way to cut the input and to grant credit gives the events of the document. */
function checkFrames(protocolCase: ProtocolCase): void {
  const { document, line, input } = protocolCase;
  const expected = protocolCase.events.join('\n');
  const step = Math.ceil(input.length / Math.min(MAX_SPLITS, Math.ceil(MAX_BYTES / input.length)));
  for (const credit of CREDITS) {
    const feeding = { ...feedingOf(protocolCase), credit };
    const expectEvents = (how: string, pieces: Iterable<Buffer>) => {
      const events = FrameTranscript.of(pieces, feeding).events.join('\n');
      if (events === expected) return;
      assert.equal(escapeText(events), escapeText(expected), `${document}:${line}, ${how}, credit ${credit}`);
    };
    expectEvents('whole', [input]);
    expectEvents('byte by byte', singleBytes(input));
    for (let at = 1; at < input.length; at += at < FIRST_SPLITS ? 1 : step) {
      expectEvents(`split at byte ${at}`, [input.subarray(0, at), input.subarray(at)]);
    }
  }
}

function* singleBytes(input: Buffer): Iterable<Buffer> {
  for (let i = 0; i < input.length; i++) yield input.subarray(i, i + 1);
}
