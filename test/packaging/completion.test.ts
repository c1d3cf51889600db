import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { commandShape } from '../../packaging/command-shape.ts';
import { bashCompletion, fishCompletion, zshCompletion } from '../../packaging/completion/index.ts';
import { holdfastProgram } from '../../src/cli/holdfast-program.ts';
import { requirePeer } from '../support/peers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = commandShape(await holdfastProgram(''));

/** Runs a shell with this script in a folder with the completion files and `sites.toml`. */
function inShell(t: TestContext, shell: string, args: readonly string[]): string {
  const folder = temporaryFolder(t, {
    'holdfast.bash': bashCompletion(program),
    _holdfast: zshCompletion(program),
    'holdfast.fish': fishCompletion(program),
    'sites.toml': '',
  });
  const env = { ...process.env, HOME: folder, LC_ALL: 'C.UTF-8', TERM: 'dumb' };
  return execFileSync(shell, [...args], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
}

const names = program.commands.map(({ name }) => name);

test('bash completes commands, options, their values and files', (t) => {
  const lines: [string[], string[]][] = [
    [
      ['holdfast', ''],
      [...names, '-V', '--version', '-h', '--help'],
    ],
    [['holdfast', 'pushp'], ['pushpin']],
    [['holdfast', 'run', '--log'], ['--log-level']],
    [['holdfast', 'run', '--log-level', 'w'], ['warn']],
    [['holdfast', 'run', '--log-level', '=', 'de'], ['debug']],
    [
      ['holdfast', 'run', '--log-level', '='],
      ['error', 'warn', 'info', 'debug'],
    ],
    [['holdfast', 'run', '--config', 'si'], ['sites.toml']],
    [['holdfast', 'import', 'si'], ['sites.toml']],
    [['holdfast', 'run', '--port', ''], []],
    [['holdfast', 'help', 'imp'], ['import']],
    [['holdfast', 'nothing', '--'], []],
  ];
  const asked = lines.map(([words]) => {
    const quotedWords = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${quotedWords}); COMP_CWORD=${words.length - 1}; _holdfast; echo "\${COMPREPLY[*]}"`;
  });
  const answers = inShell(t, 'bash', ['--norc', '-c', ['source ./holdfast.bash', ...asked].join('\n')]).split('\n');
  lines.forEach(([words, expected], index) => {
    assert.equal(answers[index], expected.join(' '), words.join(' '));
  });
});

test('fish completes commands, options, their values and files', (t) => {
  if (requirePeer(t, 'fish') === null) return;
  const complete = (line: string): string[] =>
    inShell(t, 'fish', ['--no-config', '-c', `source holdfast.fish; complete -C '${line}'`])
      .split('\n')
      .filter((row) => row !== '')
      .map((row) => row.split('\t')[0] as string);
  assert.deepEqual(complete('holdfast ').sort(), [...names].sort());
  assert.deepEqual(complete('holdfast run --log-level ').sort(), ['debug', 'error', 'info', 'warn']);
  assert.deepEqual(complete('holdfast run --config si'), ['sites.toml']);
  assert.deepEqual(complete('holdfast import si'), ['sites.toml']);
  for (const { name, options } of program.commands) {
    const offered = complete(`holdfast ${name} -`);
    for (const flag of options.flatMap(({ flags }) => flags)) assert.ok(offered.includes(flag), `${name} ${flag}`);
  }
});

test('zsh completes commands, options, their values and files', (t) => {
  if (requirePeer(t, 'zsh') === null) return;
  // A terminal of its own, in which keys are typed. The command is a function that says how it was called.
  const lines: [string, string][] = [
    ['pushp', 'pushpin'],
    ['run --log-lev', 'run --log-level'],
    ['run --log-level=w', 'run --log-level=warn'],
    ['run --log-level inf', 'run --log-level info'],
    ['run --config si', 'run --config sites.toml'],
    ['import si', 'import sites.toml'],
    ['fetch --connect-h', 'fetch --connect-host'],
    ['help imp', 'help import'],
  ];
  const typed = lines.map(([keys]) =>
    [
      `zpty -w -n z $'holdfast ${keys}\\t\\n'`,
      "zpty -r z seen $'*called with [^\\n]#\\n*'",
      `print -r -- "$seen" | sed -n 's/.*called with //p' | tr -d '\\r'`,
    ].join('\n'),
  );
  const script = [
    'setopt extended_glob',
    'zmodload zsh/zpty',
    'zpty z zsh -f -i',
    'zpty -w z \'PS1=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; holdfast() { print -r -- called" "with "$@" }; print rea""dy\'',
    "zpty -r z seen '*ready*'",
    ...typed,
    'zpty -d z',
  ].join('\n');
  const answers = inShell(t, 'zsh', ['-f', '-c', script]).split('\n');
  assert.deepEqual(
    lines.map(([keys], index) => [keys, answers[index]?.trimEnd()]),
    lines,
  );
});
