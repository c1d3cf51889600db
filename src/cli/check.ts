import type { Command } from 'commander';
import { prepareRouting } from '../app/index.ts';
import { formatConfig } from '../config/index.ts';
import { CliError, reasonOf } from './cli-error.ts';
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
    const { config } = readConfig(options);
    try {
      prepareRouting(config);
    } catch (error) {
      throw new CliError(reasonOf(error));
    }
    process.stdout.write(formatConfig(config, { mask: true }));
  });
}
