import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DEFAULT_ZHTTP_LIMITS,
  encodeRequestPacket,
  encodeResponsePacket,
  packetFormat,
  parseRequestPacket,
  parseResponsePacket,
  splitAddress,
  type ZhttpLimits,
} from '../../../../src/codec/zhttp/index.ts';
import { escapeText, type ProtocolCase, readCases } from '../../../support/cases.ts';
import { eventsOf } from './packet-events.ts';

const CASES = readCases('zhttp');

describe('the cases of test/cases/zhttp are read', () => {
  for (const protocolCase of CASES) {
    test(`${protocolCase.document}: ${protocolCase.title}`, () => {
      const { document, line, kind, input, events } = protocolCase;
      const found = eventsOf(kind, input, limitsOf(protocolCase));
      assert.equal(escapeText(found.join('\n')), escapeText(events.join('\n')), `${document}:${line}`);
    });
  }
});

describe('the cases of test/cases/zhttp are written', () => {
  for (const protocolCase of CASES.filter(isWritten)) {
    test(`${protocolCase.document}: ${protocolCase.title}`, () => {
      const { document, line, kind, input } = protocolCase;
      const written = rewritten(kind, input).toString('latin1');
      assert.equal(escapeText(written), escapeText(input.toString('latin1')), `${document}:${line}`);
    });
  }
});

/** Errors are not written, nor what others write in their own way. */
function isWritten({ events, options }: ProtocolCase): boolean {
  return !options.has('not written') && !events.some((event) => event.startsWith('error ') || event === 'no address');
}

/** Reads a packet and writes it again. */
function rewritten(kind: string, input: Buffer): Buffer {
  if (kind === 'zhttp request') return encodeRequestPacket(parseRequestPacket(input), packetFormat(input) ?? 'T');
  const addressed = kind === 'zhttp published' ? splitAddress(input) : null;
  const payload = addressed?.payload ?? input;
  return encodeResponsePacket(parseResponsePacket(payload), packetFormat(payload) ?? 'T', addressed?.address);
}

function limitsOf({ options }: ProtocolCase): ZhttpLimits {
  const limits: Record<string, number> = { ...DEFAULT_ZHTTP_LIMITS };
  for (const assignment of (options.get('limits') ?? '').split(' ').filter((part) => part !== '')) {
    const [name = '', value] = assignment.split('=');
    assert.ok(name in limits, `there is no limit ${name}`);
    limits[name] = Number(value);
  }
  return limits as unknown as ZhttpLimits;
}
