import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { escapeText, type ProtocolCase, parseDocument, unescapeText } from '../../../support/cases.ts';
import { feedingOf } from '../../../support/http1-transcript.ts';

/** A document of one case with these lines of input. */
function document(input: string, options = ''): string {
  return `# Title\n\n### does it\n\n${options}\n\`\`\`http request\n${input}\n\`\`\`\n\n\`\`\`events\nend\n\`\`\`\n`;
}

function onlyCase(text: string): ProtocolCase {
  const cases = parseDocument('x.md', text);
  assert.equal(cases.length, 1);
  return cases[0] as ProtocolCase;
}

describe('the notation of cases', () => {
  test('ends every line of input in CRLF, unless a backslash of its own ends it', () => {
    assert.equal(onlyCase(document('a\n\nb\\\nc\\\\\n\\\nd\\n\\')).input.toString('latin1'), 'a\r\n\r\nbc\\\r\nd\n');
  });

  test('knows escapes and repetitions', () => {
    assert.equal(unescapeText('\\r\\n\\t\\\\\\{\\x00\\xff{ab*3}{\\r\\n*2}}'), '\r\n\t\\{\0\xffababab\r\n\r\n}');
  });

  test('writes what it reads', () => {
    const text = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
    assert.equal(unescapeText(escapeText(text)), text);
  });

  for (const text of ['\\q', '\\', '\\x', '\\xF0', '\\x1', '{', '{a', '{a*}', '{*3}', '{{a*2}*2}', '\t', 'é']) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => unescapeText(text), /not in the notation/));
  }

  test('names document and line of what is not in the notation', () => {
    assert.throws(() => parseDocument('x.md', document('fine\n\\q')), /^Error: x\.md:8: not in the notation: \\q$/);
  });

  test('takes title, line, kind and options from the document', () => {
    const {
      document: name,
      line,
      title,
      kind,
      options,
      events,
    } = onlyCase(document('a', '- lenient\n- method: HEAD\n'));
    assert.deepEqual([name, line, title, kind], ['x.md', 3, 'does it', 'http request']);
    assert.deepEqual(
      [...options],
      [
        ['lenient', ''],
        ['method', 'HEAD'],
      ],
    );
    assert.deepEqual(events, ['end']);
  });

  test('refuses a case without events', () => {
    assert.throws(
      () => parseDocument('x.md', '### does it\n\n```http request\na\n```\n'),
      /x\.md:1: a case is one block/,
    );
  });

  test('refuses a case with two inputs', () => {
    const block = '```http request\na\n```\n';
    assert.throws(() => parseDocument('x.md', `### does it\n\n${block}${block}`), /x\.md:1: a case is one block/);
  });

  test('refuses a block that does not end', () => {
    assert.throws(
      () => parseDocument('x.md', '### does it\n\n```http request\na\n'),
      /x\.md:3: the block does not end/,
    );
  });

  test('refuses an option twice', () => {
    assert.throws(() => parseDocument('x.md', document('a', '- lenient\n- lenient\n')), /x\.md:6: a second "lenient"/);
  });

  test('refuses options, limits and kinds that nothing explains', () => {
    for (const options of ['- lenent\n', '- limits: maxHeads=1\n', '- limits: maxHeaders=many\n']) {
      assert.throws(() => feedingOf(onlyCase(document('a', options))), /unknown/);
    }
    assert.throws(() => feedingOf(onlyCase(document('a').replace('http request', 'http'))), /unknown kind/);
  });

  test('sets the limits that a case asks for', () => {
    const { limits } = feedingOf(onlyCase(document('a', '- lenient\n- limits: maxHeaders=2 maxTargetBytes=3\n')));
    assert.deepEqual(limits, { maxHeadBytes: 16_384, maxHeaders: 2, maxTargetBytes: 3, lenientLineEnds: true });
  });
});
