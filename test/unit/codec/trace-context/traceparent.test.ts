import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatTraceparent,
  isTracestate,
  parseTraceparent,
  RANDOM,
  SAMPLED,
} from '../../../../src/codec/trace-context/index.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${PARENT}-01`;

for (const [text, flags] of [
  [VALID, SAMPLED],
  [`00-${TRACE}-${PARENT}-00`, 0],
  [`00-${TRACE}-${PARENT}-03`, SAMPLED | RANDOM],
  // Flags that are not known are no reason to begin another trace.
  [`00-${TRACE}-${PARENT}-fd`, SAMPLED],
  [`01-${TRACE}-${PARENT}-01`, SAMPLED],
  [`cc-${TRACE}-${PARENT}-01-what-the-future-brings`, SAMPLED],
] as const) {
  test(`${text} is valid`, () => {
    assert.deepEqual(parseTraceparent(text), { traceId: TRACE, parentId: PARENT, flags });
  });
}

for (const text of [
  '',
  '00',
  VALID.slice(0, -1),
  `${VALID}-`,
  `${VALID}-00`,
  `${VALID} `,
  ` ${VALID.slice(0, -1)}`,
  VALID.toUpperCase(),
  VALID.replace('00-', 'ff-'),
  VALID.replace('00-', '0x-'),
  VALID.replace('00-', '0g-'),
  `cc-${TRACE}-${PARENT}-01.`,
  `cc-${TRACE}-${PARENT}-011`,
  `00-${'0'.repeat(32)}-${PARENT}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE}_${PARENT}-01`,
  `00-${TRACE}-${PARENT}_01`,
  `00_${TRACE}-${PARENT}-01`,
  `00-${TRACE.slice(1)}-${PARENT}0-01`,
  `00-${TRACE}-${PARENT}-0G`,
  `00-${TRACE}-${PARENT}-0 `,
  `00-${TRACE.replace('4', '\xe4')}-${PARENT}-01`,
]) {
  test(`${JSON.stringify(text)} is not valid`, () => {
    assert.equal(parseTraceparent(text), null);
  });
}

test('what is written is read back', () => {
  assert.equal(formatTraceparent({ traceId: TRACE, parentId: PARENT, flags: SAMPLED }), VALID);
});

for (const values of [
  ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
  ['rojo=1', 'congo=2'],
  ['fw529a3039@dt=FfAAAg'],
  ['a=b , ,\tc=d'],
  ['a= b'],
  [''],
  [Array.from({ length: 32 }, (_, i) => `k${i}=v`).join(',')],
]) {
  test(`${JSON.stringify(values)} is a valid tracestate`, () => assert.equal(isTracestate(values), true));
}

for (const values of [
  ['rojo'],
  ['=1'],
  ['a='],
  ['a=b=c'],
  ['A=b'],
  ['1a=b'],
  ['a=b', 'a=c'],
  ['a@1b=c'],
  ['a@=c'],
  [`${'k'.repeat(257)}=v`],
  [`a=${'v'.repeat(257)}`],
  ['a=\x7f'],
  ['a=\xe4'],
  ['a b=c'],
  [Array.from({ length: 33 }, (_, i) => `k${i}=v`).join(',')],
  [`a=${'v'.repeat(250)},b=${'v'.repeat(255)},c=${'v'.repeat(10)}`],
]) {
  test(`${JSON.stringify(values).slice(0, 60)} is not a valid tracestate`, () =>
    assert.equal(isTracestate(values), false));
}
