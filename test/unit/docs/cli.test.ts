import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cliReference } from '../../../packaging/cli-reference.ts';
import { commandShape } from '../../../packaging/command-shape.ts';
import { holdfastProgram } from '../../../src/cli/holdfast-program.ts';

test('docs/reference/cli.md is what the commands say of themselves', async () => {
  const written = readFileSync(new URL('../../../docs/reference/cli.md', import.meta.url), 'utf8');
  const command =
    "node --import tsx -e \"Promise.all([import('./packaging/cli-reference.ts'), import('./packaging/command-shape.ts'), import('./src/cli/holdfast-program.ts')]).then(async ([a, b, c]) => process.stdout.write(a.cliReference(b.commandShape(await c.holdfastProgram('')))))\" > docs/reference/cli.md";
  assert.equal(written, cliReference(commandShape(await holdfastProgram(''))), `to make it again: ${command}`);
});
