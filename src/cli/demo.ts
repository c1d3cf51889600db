import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { type App, createLog } from '../app/index.ts';
import { type Config, defaultConfig, formatListenAddress, parseListenAddress } from '../config/index.ts';
import { CliError } from './cli-error.ts';
import { logLevelOption, newCommand, optionValue } from './command.ts';
import { withCommandLine } from './config-options.ts';
import { startDemoOrigin } from './demo-origin.ts';
import { demoText, programName } from './demo-text.ts';
import { serveHere } from './serve.ts';

const DEFAULT_ADDRESS = '127.0.0.1:7999';
const DEFAULT_CONTROL_ADDRESS = '127.0.0.1:5561';

/** Values of the options of `holdfast demo`. */
interface DemoOptions {
  /** A TCP listen address. */
  readonly port: string;
  /** A TCP listen address with a port other than 0. */
  readonly controlPort: string;
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
      DEFAULT_ADDRESS,
    )
    .option(
      '--control-port <address>',
      'address for publishers: PORT for this machine only, or ADDRESS:PORT',
      controlAddress,
      DEFAULT_CONTROL_ADDRESS,
    )
    .addOption(logLevelOption('log level').default('warn'))
    .action(demo);
}

async function demo({ port, controlPort, logLevel }: DemoOptions): Promise<void> {
  // Before the origin starts, which would keep the process alive after an error.
  const listening = withCommandLine(defaultConfig(), { port: [port], controlPort: [controlPort], logLevel });
  // An address that stands for all interfaces is reached on this machine at loopback.
  const control = controlPort.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
  const controlUrl = `http://${control}`;
  const origin = await startDemoOrigin(controlUrl);
  let app: App;
  try {
    // Requests are signed, because GRIP libraries hold clients only for signed requests.
    const route = `*,sig_key=${randomBytes(32).toString('hex')} ${origin.address},over_http`;
    app = await serveHere(withCommandLine(listening, { route: [route] }), createLog(listening.log.level));
  } catch (error) {
    await origin.stop();
    throw withAdvice(error, listening);
  }
  process.stdout.write(
    demoText({
      clients: app.addresses.clients[0] ?? '',
      controlUrl,
      isDefaultControl: control === DEFAULT_CONTROL_ADDRESS,
      program: programName(process.argv[1] ?? 'holdfast', process.cwd(), process.env.PATH ?? ''),
    }),
  );
}

/** Names the option to change when an address is in use, as on a machine where another demo runs. */
function withAdvice(error: unknown, { server, control }: Config): unknown {
  if (!(error instanceof CliError)) return error;
  for (const [option, listen] of [
    ['--port', server.listen],
    ['--control-port', control.listen ?? []],
  ] as const) {
    const taken = listen.some((address) =>
      error.message.startsWith(`cannot listen on ${formatListenAddress(address)}:`),
    );
    if (taken) return new CliError(`${error.message}; choose another port with ${option}`);
  }
  return error;
}

function browserAddress(value: string): string {
  return tcpAddress(value, 'A browser needs a TCP port.').text;
}

function controlAddress(value: string): string {
  const { text, port } = tcpAddress(value, 'The page needs a TCP port.');
  if (port === 0) throw new InvalidArgumentError('Expected a port from 1 to 65535.');
  return text;
}

/** A listen address; a port alone is one of loopback. */
function tcpAddress(value: string, otherwise: string): { readonly text: string; readonly port: number } {
  const text = /^[0-9]+$/.test(value) ? `127.0.0.1:${value}` : value;
  const address = optionValue(() => parseListenAddress(text));
  if (address.kind !== 'tcp') throw new InvalidArgumentError(otherwise);
  return { text, port: address.port };
}
