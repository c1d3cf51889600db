import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { holdfastProgram } from '../../../src/cli/holdfast-program.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'examples']
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, String(name))))
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules')),
];

const program = await holdfastProgram('');

/** Words of one command: up to what ends it in a shell. */
function words(text: string): string[] {
  const found: string[] = [];
  const token = /\s*(?:([|&;)>#\n]|<(?!\w))|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"|&;()\\])+))/gy;
  for (let match = token.exec(text); match?.[2] !== undefined; match = token.exec(text)) {
    found.push(match[2].replace(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs, (_, a, b, c) => a ?? b ?? c));
  }
  return found;
}

/** Why the arguments are none of the command; null where they may be. */
function wrong(command: Command, args: readonly string[]): string | null {
  const { unknown } = command.parseOptions([...args]);
  return unknown.length === 0 ? null : `unknown: ${unknown.join(' ')}`;
}

for (const page of PAGES) {
  const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```(?:sh|bash)[^\n]*\n([\s\S]*?)^```$/gm)];
  for (const [index, [, text = '']] of blocks.entries()) {
    test(`shell block ${index + 1} of ${page} is valid, and names commands and options that exist`, () => {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      const joined = text.replaceAll('\\\n', ' ');
      for (const match of joined.matchAll(/(?:^|[\s(`])(?:bin\/)?holdfast(?= +[a-z-])/gm)) {
        const [name = '', ...args] = words(joined.slice(match.index + match[0].length).split('\n')[0] ?? '');
        // In a sentence of a comment, or a package of that name.
        const before =
          joined
            .slice(0, match.index + 1)
            .split('\n')
            .at(-1) ?? '';
        if (
          before.includes('#') ||
          /\b(?:systemctl|apt(?:-get)?|npm|journalctl|man|docker|useradd|chown|id|sudo -u)\b[^|&;]*$/.test(before) ||
          name.startsWith('-')
        )
          continue;
        const command = program.commands.find((each) => each.name() === name);
        assert.ok(command, `there is no command ${name}`);
        assert.equal(wrong(command, args), null, `holdfast ${name} ${args.join(' ')}`);
      }
    });
  }
}
