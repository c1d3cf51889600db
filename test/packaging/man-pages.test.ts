import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandShape } from '../../packaging/command-shape.ts';
import { manPages } from '../../packaging/man/index.ts';
import { roffOfMarkdown } from '../../packaging/man/markdown-page.ts';
import { holdfastProgram } from '../../src/cli/holdfast-program.ts';
import { defaultConfig, formatConfig } from '../../src/config/index.ts';
import { requirePeer } from '../support/peers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const BOLD = new RegExp(`.${String.fromCharCode(8)}`, 'g');

const program = commandShape(await holdfastProgram(''));
const pages = manPages(program, { version: '1.2.3', date: '2026-01-02' });

/** What a reader sees, in lines that nothing breaks. */
function shown(file: string): string {
  const env = { ...process.env, MANWIDTH: '1000', LC_ALL: 'C.UTF-8', MANPAGER: 'cat', GROFF_NO_SGR: '1' };
  const text = execFileSync('man', ['--no-hyphenation', '--no-justification', '-l', '-Tutf8', file], {
    env,
    encoding: 'utf8',
  });
  // Bold is a letter, a backspace and the letter.
  return text.replaceAll(BOLD, '').replace(/\s+/g, ' ');
}

test('every command has a man page with all that --help says', (t) => {
  if (requirePeer(t, 'man') === null) return;
  const folder = temporaryFolder(t, Object.fromEntries(pages));
  assert.deepEqual(
    [...pages.keys()],
    ['holdfast.1', ...program.commands.map(({ name }) => `holdfast-${name}.1`), 'holdfast.toml.5'],
  );
  for (const { name, description, arguments: taken, options, notes } of program.commands) {
    const text = shown(join(folder, `holdfast-${name}.1`));
    for (const said of [description, ...[...taken, ...options].flatMap((term) => [term.term, term.description])]) {
      assert.ok(text.includes(said.replace(/\s+/g, ' ')), `${name}: ${said}`);
    }
    const words = notes.split(/\s+/).filter((word) => !/^(?:Example:|Exit|codes:)$/.test(word));
    for (const word of words) assert.ok(text.includes(word), `${name}: ${word}`);
  }
  const overview = shown(join(folder, 'holdfast.1'));
  for (const { name, description } of program.commands) {
    assert.ok(overview.includes(`holdfast-${name}(1)`) && overview.includes(description), name);
  }
});

test('man formats each page without a warning, and whatis finds its name', (t) => {
  if (requirePeer(t, 'man') === null) return;
  const folder = temporaryFolder(t, Object.fromEntries(pages));
  for (const name of pages.keys()) {
    const ran = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', join(folder, name)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' },
    });
    assert.deepEqual([ran.status, ran.stderr], [0, ''], name);
    assert.match(execFileSync('lexgrog', [join(folder, name)], { encoding: 'utf8' }), /: "holdfast[\w.-]* - .+"/);
  }
});

test('holdfast.toml(5) has every key of the configuration', (t) => {
  if (requirePeer(t, 'man') === null) return;
  const folder = temporaryFolder(t, { 'holdfast.toml.5': pages.get('holdfast.toml.5') as string });
  const text = shown(join(folder, 'holdfast.toml.5'));
  const keys = [...formatConfig(defaultConfig()).matchAll(/^(?:# )?([a-z_]+) =/gm)].map(([, key = '']) => key);
  assert.ok(keys.length > 50);
  for (const key of keys) assert.ok(text.includes(` ${key} `), key);
});

test('Markdown becomes headings, terms, lists and blocks, and no text is read as roff', () => {
  const markdown = [
    '# Title',
    '',
    '## `[one]` "quoted"',
    '',
    "A *word* and `code-x`, it's [a link](#there).",
    '.not a request',
    '',
    '- first',
    '  line',
    '- second',
    '',
    '| key | meaning | value |',
    '|---|---|---|',
    '| `a` | what \\| it means | a number |',
    '',
    '```toml',
    '.x = "\\"',
    '```',
  ].join('\n');
  assert.deepEqual(roffOfMarkdown(markdown).split('\n'), [
    '.SH \\fB[one]\\fR \\(dqquoted\\(dq',
    '.PP',
    'A *word* and \\fBcode\\-x\\fR, it\\(aqs a link.',
    '\\&.not a request',
    '.IP \\(bu 2',
    'first',
    'line',
    '.IP \\(bu 2',
    'second',
    '.TP',
    '\\fBa\\fR',
    'what | it means',
    '.br',
    '(value: a number)',
    '.PP',
    '.RS 4',
    '.nf',
    '\\&.x = "\\(rs"',
    '.fi',
    '.RE',
  ]);
});
