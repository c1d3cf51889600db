import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { formatConfig } from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand } from './command.ts';
import { type PushpinConfig, readPushpinConfig } from './pushpin-config.ts';

/** `holdfast import`: a pushpin.conf and its routes file as a holdfast.toml. */
export function importCommand(): Command {
  return newCommand(
    'import',
    "Convert Pushpin's configuration and routes file to a holdfast.toml.",
    'holdfast import /etc/pushpin/pushpin.conf --output holdfast.toml',
  )
    .argument('<file>', 'the pushpin.conf')
    .option('-o, --output <file>', 'write to this file, which must not exist, instead of standard output')
    .action(convert);
}

function convert(file: string, { output }: { readonly output?: string }): void {
  const read = readPushpinConfig({ config: file });
  reportIgnored(read);
  const text = formatConfig(read.config);
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    // It may contain keys.
    writeFileSync(output, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new CliError(`cannot write ${output}: ${systemErrorText(error)}`);
  }
}

/** Writes what has no effect to standard error. */
export function reportIgnored({ ignored }: PushpinConfig): void {
  for (const { file, key, line, message } of ignored) {
    console.error([`${file}:${line ?? 0}`, key, `${message}, ignored`].filter((part) => part !== '').join(': '));
  }
}
