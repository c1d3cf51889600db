import type { Command } from 'commander';
import { createLog } from '../app/index.ts';
import { newCommand } from './command.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';
import { followExtraRoutes } from './extra-routes.ts';
import { serve } from './serve.ts';

/** `holdfast run`: the server, until a signal ends it. */
export function runCommand(): Command {
  const command = newCommand(
    'run',
    'Run the server until SIGTERM or Ctrl-C.',
    "holdfast run --port 8080 --route '* localhost:8000'",
  );
  return addConfigOptions(command).action(async (options: ConfigOptions) => {
    const { file, config, ownRoutes } = readConfig(options);
    const log = createLog(config.log.level);
    if (file === null) log.info({}, 'no configuration file: using the defaults and the command line');
    else log.info({ file }, 'configuration read');
    const app = await serve(config, log);
    app.configuration.file = file;
    if (config.proxy.routesFile === '') return;
    const own = { ...config, routes: config.routes.slice(0, ownRoutes) };
    const reload = followExtraRoutes(own, log, (changed) => app.reconfigure(changed));
    process.on('SIGHUP', reload);
  });
}
