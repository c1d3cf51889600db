import type { Command } from 'commander';
import { formatConfig } from '../config/index.ts';
import { newCommand } from './command.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';

/** `holdfast check`: says what is wrong with a configuration, or what it comes to. */
export function checkCommand(): Command {
  const command = newCommand(
    'check',
    'Check a configuration, and print it with all defaults.',
    'holdfast check --config holdfast.toml',
  );
  return addConfigOptions(command).action((options: ConfigOptions) => {
    process.stdout.write(formatConfig(readConfig(options).config, { mask: true }));
  });
}
