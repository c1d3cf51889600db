import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { escapeText, type ProtocolCase, readCases } from '../../../support/cases.ts';
import { feedingOf, Http1Transcript } from '../../../support/http1-transcript.ts';

/** Bytes of body granted at a time. */
const CREDITS = [Number.POSITIVE_INFINITY, 7, 1];

/** Longer inputs are not cut at every byte, but at as many places evenly spread. */
const MAX_SPLITS = 1_500;

describe('the cases of test/cases/http1', () => {
  for (const protocolCase of readCases('http1')) {
    test(`${protocolCase.document}: ${protocolCase.title}`, () => check(protocolCase));
  }
});

/** Each way to cut the input and to grant credit gives the events of the document. */
function check(protocolCase: ProtocolCase): void {
  const { document, line, input } = protocolCase;
  const expected = protocolCase.events.join('\n');
  const step = Math.ceil(input.length / MAX_SPLITS);
  const hasBody = protocolCase.events.some((event) => event.startsWith('data '));
  for (const credit of hasBody ? CREDITS : [Number.POSITIVE_INFINITY]) {
    const feeding = { ...feedingOf(protocolCase), credit };
    const expectEvents = (how: string, pieces: Iterable<Buffer>) => {
      const events = Http1Transcript.of(pieces, feeding).events.join('\n');
      if (events === expected) return;
      assert.equal(escapeText(events), escapeText(expected), `${document}:${line}, ${how}, credit ${credit}`);
    };
    expectEvents('whole', [input]);
    expectEvents('byte by byte', singleBytes(input));
    for (let at = 1; at < input.length; at += step) {
      expectEvents(`split at byte ${at}`, [input.subarray(0, at), input.subarray(at)]);
    }
  }
}

function* singleBytes(input: Buffer): Iterable<Buffer> {
  for (let i = 0; i < input.length; i++) yield input.subarray(i, i + 1);
}
