import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { type App, createLog } from '../app/index.ts';
import {
  type Config,
  ConfigError,
  defaultConfig,
  formatListenAddress,
  mergeCommandLine,
  parseListenAddress,
} from '../config/index.ts';
import { CliError } from './cli-error.ts';
import { logLevelOption, newCommand } from './command.ts';
import { startDemoOrigin } from './demo-origin.ts';
import { demoText, programName } from './demo-text.ts';
import { serve } from './serve.ts';

const DEFAULT_PORT = 7999;
const DEFAULT_CONTROL_PORT = 5561;

/** Values of the options of `holdfast demo`. */
interface DemoOptions {
  /** A TCP listen address. */
  readonly port: string;
  /** 1 to 65535. */
  readonly controlPort: number;
  readonly logLevel: string;
}

/** `holdfast demo`: the server in front of the origin of `examples/board`. */
export function demoCommand(): Command {
  return newCommand(
    'demo',
    'Run the server with a live board behind it, to open in a browser.',
    'holdfast demo --port 8080',
  )
    .option(
      '--port <address>',
      'address for browsers: PORT for this machine only, or ADDRESS:PORT, such as 0.0.0.0:7999 for all machines',
      browserAddress,
      `127.0.0.1:${DEFAULT_PORT}`,
    )
    .option(
      '--control-port <port>',
      'port of the publish endpoint, on this machine only',
      controlPort,
      DEFAULT_CONTROL_PORT,
    )
    .addOption(logLevelOption('log level').default('warn'))
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const controlUrl = `http://127.0.0.1:${options.controlPort}`;
  const origin = await startDemoOrigin(controlUrl);
  const config = demoConfig(options, origin.address);
  let app: App;
  try {
    app = await serve(config, createLog(config.log.level));
  } catch (error) {
    await origin.stop();
    throw withAdvice(error, config);
  }
  process.stdout.write(
    demoText({
      clients: app.clientAddresses[0] ?? '',
      controlUrl,
      isDefaultControl: options.controlPort === DEFAULT_CONTROL_PORT,
      program: programName(process.argv[1] ?? 'holdfast', process.cwd(), process.env.PATH ?? ''),
    }),
  );
}

/** Requests are signed, because GRIP libraries hold clients only for signed requests. */
function demoConfig({ port, controlPort, logLevel }: DemoOptions, origin: string): Config {
  const key = randomBytes(32).toString('hex');
  const commandLine = {
    port: [port],
    controlPort: [String(controlPort)],
    routes: [`*,sig_key=${key} ${origin}`],
    logLevel,
  };
  return mergeCommandLine(defaultConfig(), commandLine);
}

/** Names the option to change when an address is in use, as on a machine where another demo runs. */
function withAdvice(error: unknown, { server, control }: Config): unknown {
  if (!(error instanceof CliError)) return error;
  for (const [option, listen] of [
    ['--port', server.listen],
    ['--control-port', control.listen],
  ] as const) {
    const taken = listen.some((address) =>
      error.message.startsWith(`cannot listen on ${formatListenAddress(address)}:`),
    );
    if (taken) return new CliError(`${error.message}; choose another port with ${option}`);
  }
  return error;
}

function browserAddress(value: string): string {
  const text = /^[0-9]+$/.test(value) ? `127.0.0.1:${value}` : value;
  const address = listenAddress(text);
  if (address.kind !== 'tcp') throw new InvalidArgumentError('A browser needs a TCP port.');
  return text;
}

function controlPort(value: string): number {
  const address = listenAddress(`127.0.0.1:${value}`);
  if (address.kind !== 'tcp' || address.port === 0) throw new InvalidArgumentError('Expected a port from 1 to 65535.');
  return address.port;
}

function listenAddress(text: string): ReturnType<typeof parseListenAddress> {
  try {
    return parseListenAddress(text);
  } catch (error) {
    throw error instanceof ConfigError ? new InvalidArgumentError(error.message) : error;
  }
}
