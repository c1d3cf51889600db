import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { routeShape } from '../../../src/config/route.ts';
import { sections } from '../../../src/config/schema.ts';
import { fieldDocs } from '../../../src/config/section-fields.ts';

const tables: Record<string, z.ZodRawShape> = { route: routeShape };
for (const [name, { shape }] of Object.entries(sections)) tables[name] = shape;

test('every key is documented in one or more whole sentences', () => {
  for (const [name, shape] of Object.entries(tables)) {
    for (const [key, schema] of Object.entries(shape)) {
      const docs = fieldDocs.get(schema as z.ZodType);
      assert.match(docs?.doc ?? '', /^[A-Z].*\.$/, `${name}.${key}`);
      assert.ok((docs?.expected ?? '') !== '', `${name}.${key}`);
    }
  }
});

test('every number accepts both ends of its documented range and nothing beyond', () => {
  let numbers = 0;
  for (const [name, shape] of Object.entries(tables)) {
    for (const [key, schema] of Object.entries(shape) as [string, z.ZodType][]) {
      const expected = fieldDocs.get(schema)?.expected ?? '';
      const range = /^a (whole )?number .*?from ([\d.]+) to (\d+)(, or 0 )?/.exec(expected);
      if (range === null) continue;
      numbers++;
      const [from, to] = [Number(range[2]), Number(range[3])];
      const takes = (value: unknown) => schema.safeParse(value).success;
      assert.ok(takes(from) && takes(to), `${name}.${key} takes ${from} and ${to}`);
      const step = range[1] === undefined ? 0.01 : 1;
      const below = from - step;
      // Where 0 has a meaning of its own, it may stand right below the range.
      const isOutside = !takes(below) || (below === 0 && range[4] !== undefined);
      assert.ok(isOutside && !takes(to + step), `${name}.${key} takes nothing beyond ${from} and ${to}`);
      assert.equal(takes(from + 0.5), range[1] === undefined, `${name}.${key} and fractions`);
      assert.equal(takes(0), range[4] !== undefined || from === 0, `${name}.${key} and zero`);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -0, String(from), true, null, [from]]) {
        assert.ok(!takes(value), `${name}.${key} does not take ${String(value)}`);
      }
    }
  }
  assert.ok(numbers >= 62);
});
