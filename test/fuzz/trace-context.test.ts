import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatTraceparent,
  isTracestate,
  parseTraceparent,
  RANDOM,
  SAMPLED,
} from '../../src/codec/trace-context/index.ts';
import { tracedFields } from '../../src/server/index.ts';
import { fc } from '../support/properties.ts';

const latin1 = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 80 });
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const parent = fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join('-'));
const member = fc.tuple(hex(3), latin1).map(([key, value]) => `a${key}=${value}`);

test('any text is a valid traceparent that says the same when it is written again, or none', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        latin1,
        parent,
        parent.chain((text) => fc.nat(54).map((at) => text.slice(0, at))),
      ),
      (text) => {
        const parsed = parseTraceparent(text);
        if (parsed === null) return;
        const written = formatTraceparent(parsed);
        assert.deepEqual(parseTraceparent(written), parsed);
        assert.equal(written.slice(3, 52), text.slice(3, 52));
        assert.equal(parsed.flags & ~(SAMPLED | RANDOM), 0);
      },
    ),
  );
});

test('any fields of a client lead to one valid traceparent at most, and no tracestate that is not valid', () => {
  const field = fc.oneof(
    fc.tuple(fc.constantFrom('traceparent', 'Traceparent', 'TRACEPARENT'), fc.oneof(parent, latin1)),
    fc.tuple(fc.constantFrom('tracestate', 'TraceState'), fc.oneof(member, latin1)),
    fc.tuple(fc.constantFrom('Host', 'A'), latin1),
  );
  const observer = { onExchangeEnd() {} };
  fc.assert(
    fc.property(fc.array(field, { maxLength: 6 }), fc.boolean(), fc.boolean(), (fields, accept, records) => {
      const before = fields.flat();
      const traced = tracedFields(before, { accept, sample: 1, observer: records ? observer : null });
      const after = [...traced.headers, ...traced.ownFields];
      const valuesOf = (list: readonly string[], name: string) =>
        list.filter((_, i) => i % 2 === 1 && (list[i - 1] as string).toLowerCase() === name);
      const [only, ...more] = valuesOf(after, 'traceparent');
      assert.equal(more.length, 0);
      assert.notEqual(parseTraceparent(only as string), null);
      assert.ok(isTracestate(valuesOf(after, 'tracestate')));
      assert.deepEqual(valuesOf(after, 'host'), valuesOf(before, 'host'));
      assert.deepEqual(valuesOf(after, 'a'), valuesOf(before, 'a'));
    }),
  );
});
