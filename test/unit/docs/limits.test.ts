import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ room: name.split(sep)[0] ?? '', text: readFileSync(join(ROOT, 'src', name), 'utf8') }));

/** A doc comment that marks a bound, and the constant below it, if that is what it stands above. */
const MARK = /@bound ([a-z0-9-]+)[^/]*\*\/\n(?:(?:export )?const \w+(?:: \w+)? = ([0-9_ *]+);)?/g;

interface Mark {
  /** The room of the file that has the mark. */
  readonly room: string;
  /** The value of a constant, or null for an option. */
  readonly value: number | null;
}

/** The bounds that the source marks. */
const marked = new Map(
  sources.flatMap(({ room, text }) =>
    [...text.matchAll(MARK)].map(([, name = '', product]): [string, Mark] => [
      name,
      { room, value: product === undefined ? null : evaluate(product) },
    ]),
  ),
);

/** Rooms that count what happens at the bounds of another room, besides that room itself. */
const COUNTING: Readonly<Record<string, readonly string[]>> = {
  // What the control API shows of other rooms is counted there.
  app: ['control'],
  // Codecs have no counters: what they refuse is counted where they are used.
  codec: ['control', 'server', 'net', 'mongrel2'],
  // What fetch puts around an exchange is an `ExchangeRelay`, which counts how it fails.
  fetch: ['exchange'],
  // A hub counts what its clients do not get from the history of another process.
  'hub-relay': ['hub'],
  // One half of ZHTTP and what both halves share count together.
  zhttp: ['zhttp-client', 'zhttp-server'],
  'zhttp-client': ['zhttp'],
};

/** Whether a room counts with this counter: `counters.name++`, or the counter's name where it is passed on. */
function counts(room: string, counter: string): boolean {
  const use = new RegExp(`\\b${counter}(\\+\\+|--| \\+= )|'${counter}'`);
  const rooms = [room, ...(COUNTING[room] ?? [])];
  return sources.some((source) => rooms.includes(source.room) && use.test(source.text));
}

const rows = readFileSync(join(ROOT, 'docs/explanation/limits.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| name |'))
  .map((line) => {
    const [name = '', , bound = '', , counter = '', tests = ''] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
    return { name, bound, counter, tests };
  });

function evaluate(product: string): number {
  return product.split('*').reduce((value, factor) => value * Number(factor.replaceAll('_', '')), 1);
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
}

test('the table of limits has a row for each bound that the source marks, and no other', () => {
  const uses = sources.reduce((count, { text }) => count + (text.match(/@bound /g)?.length ?? 0), 0);
  assert.equal(uses, marked.size, 'every mark has a name of its own and stands in a doc comment');
  assert.deepEqual(rows.map(({ name }) => name).sort(), [...marked.keys()].sort());
});

for (const { name, bound, counter, tests } of rows) {
  test(`the row ${name} matches the source`, () => {
    const { room, value } = marked.get(name) ?? { room: '', value: null };
    if (value !== null) {
      assert.ok(bound.includes(value.toLocaleString('en-US')), `${bound} is not ${value.toLocaleString('en-US')}`);
    } else {
      assert.ok(quoted(bound).length > 0, 'it names its option');
    }
    for (const property of quoted(counter)) {
      assert.ok(
        sources.some(({ text }) => text.includes(`  ${property} = 0;`)),
        `${property} is a counter`,
      );
      assert.ok(counts(room, property), `${room} counts ${property}`);
    }
    assert.ok(quoted(tests).length > 0, 'it names a test');
    for (const file of quoted(tests)) assert.ok(existsSync(join(ROOT, file)), file);
  });
}
