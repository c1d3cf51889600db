import type { Command } from 'commander';
import { createLog } from '../app/index.ts';
import { newCommand } from './command.ts';
import { addConfigOptions, type ConfigOptions } from './config-options.ts';
import { readConfiguration } from './config-reading.ts';
import { FilesSource } from './files-source.ts';
import { followConfiguration } from './follow-configuration.ts';
import { serve } from './serve.ts';

/** `holdfast run`: the server, until a signal ends it. */
export function runCommand(): Command {
  const command = newCommand(
    'run',
    'Run the server until SIGTERM or Ctrl-C.',
    "holdfast run --port 8080 --route '* localhost:8000'",
  );
  return addConfigOptions(command).action(async (options: ConfigOptions) => {
    const request = { command: 'run', options } as const;
    const reading = readConfiguration(request);
    const { config, file } = reading.loaded;
    const log = createLog(config.log.level);
    if (file === null) log.info({}, 'no configuration file: using the defaults and the command line');
    else log.info({ file }, 'configuration read');
    const source = new FilesSource(request, reading);
    const app = await serve(config, log, undefined, { source, loaded: reading.loaded });
    followConfiguration(app, source);
  });
}
