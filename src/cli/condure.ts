import type { Command } from 'commander';
import { createLog } from '../app/index.ts';
import { type Config, defaultConfig } from '../config/index.ts';
import { CliError } from './cli-error.ts';
import { controlPortOption, newCommand, repeatable } from './command.ts';
import { type CondureSettings, condureConfig, DEFAULT_ID, DEFAULT_LISTEN } from './condure-config.ts';
import { condureSizes } from './condure-sizes.ts';
import { serve } from './serve.ts';

/** Condure's log levels by number. Higher numbers mean the last one; there is no trace level. */
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

const NOTES = `
A listen spec is [ADDRESS:]PORT, or PATH,local for a unix socket. After it:
  ,stream or ,req           mode of the handlers (default: stream)
  ,tls                      use TLS (TCP ports only)
  ,default-cert=NAME        certificate for clients that name no known host
  ,mode=OCTAL ,user=NAME ,group=NAME
                            permissions and owner of a unix socket

A base stands for three endpoints. ipc://PATH stands for ipc://PATH-out,
-out-stream and -in, and in --zserver-stream for ipc://PATH-in, -in-stream and
-out. tcp://HOST:PORT stands for PORT, PORT+1 and PORT+2.

With --zserver-req or --zserver-stream, Holdfast makes the requests that arrive
as messages. It accepts clients as well only if --listen is given. The options
for connections, buffers and timeouts then apply to these requests.

Exit codes: 0 for success, 1 for failure or an invalid value, 2 for wrong usage.`;

/** Values of the options of `holdfast condure`. */
interface CondureOptions extends CondureSettings {
  readonly sizes?: boolean;
}

/** `holdfast condure`: the edge and outbound requests alone, with Condure's command line. */
export function condureCommand(): Command {
  const { edge, server } = defaultConfig();
  const command = newCommand(
    'condure',
    'Run the edge or the outbound client as a drop-in for Condure.',
    'holdfast condure --listen 8000 --zclient-stream ipc:///run/client',
  );
  command
    .addHelpText('after', NOTES)
    .option('--log-level <n>', 'log level: 0 error, 1 warn, 2 info, 3 debug (default: 2)', logLevel)
    .option('--id <id>', `name to which handlers address their packets (default: ${DEFAULT_ID})`)
    .option(
      '--listen <spec>',
      `address for clients; may be repeated (default: ${DEFAULT_LISTEN}, unless --zserver-req or --zserver-stream is given)`,
      repeatable,
    )
    .option('--zclient-req <spec>', `endpoint for req mode; may be repeated (default: ${edge.zclientReq})`, repeatable)
    .option(
      '--zclient-stream <base>',
      `base for stream mode; may be repeated (default: ${edge.zclientStream})`,
      repeatable,
    )
    .option('--zclient-connect', 'connect to the endpoints of handlers instead of binding them')
    .option('--zserver-req <spec>', 'endpoint for outbound requests in req mode; may be repeated', repeatable)
    .option('--zserver-stream <base>', 'base for outbound requests in stream mode; may be repeated', repeatable)
    .option('--zserver-connect', 'connect to the endpoints for outbound requests instead of binding them')
    .option('--deny-out-internal', 'deny outbound requests to internal addresses')
    .option('--ipc-file-mode <octal>', 'permissions of bound ipc endpoints (default: by the umask)')
    .option('--tls-identities-dir <folder>', `folder of certificates and keys (default: ${edge.tlsIdentitiesDir})`)
    .option('--compression', 'compress WebSocket messages for clients that offer it, and offer it to origins')
    .option('--router-resp', 'ask handlers to respond over the ROUTER socket');
  for (const [name, value, description, preset] of [
    ['workers', 'n', 'processes that serve connections; Condure has 2', edge.workers],
    ['req-maxconn', 'n', 'maximum connections, or outbound requests, in req mode', edge.reqMaxconn],
    ['stream-maxconn', 'n', 'maximum connections, or outbound requests, in stream mode', edge.streamMaxconn],
    ['buffer-size', 'bytes', 'maximum header size, and buffer size in each direction', edge.bufferSize],
    ['body-buffer-size', 'bytes', 'maximum body of a request or response in req mode', edge.bodyBufferSize],
    ['messages-max', 'n', 'maximum WebSocket messages that wait for one client or origin', edge.messagesMax],
    ['max-headers', 'n', 'maximum header fields of a request or response', edge.maxHeaders],
    ['max-message-bytes', 'bytes', 'maximum WebSocket message of a client; 0 for no limit', edge.maxMessageBytes],
    ['req-timeout', 'seconds', 'maximum time for a request and its response in req mode', edge.reqTimeout],
    ['stream-timeout', 'seconds', 'maximum silence of a client or outbound request in stream mode', edge.streamTimeout],
    ['session-timeout', 'seconds', 'maximum silence of a handler or requester in stream mode', edge.sessionTimeout],
    ['backend-timeout', 'seconds', 'maximum time until a handler takes a request', edge.backendTimeout],
    ['accept-timeout', 'seconds', 'how long a connection over the limit waits for a slot', edge.acceptTimeout],
    ['drain-timeout', 'seconds', 'time for requests in flight to finish when stopping', server.drainTimeout],
  ] as const) {
    command.option(`--${name} <${value}>`, `${description} (default: ${preset})`, numeric);
  }
  return command
    .addOption(controlPortOption())
    .option('--sizes', 'print the memory that connections may use with these options, and exit')
    .action(condure);
}

async function condure(options: CondureOptions): Promise<void> {
  const { sizes, ...settings } = options;
  const { config, fetchPlans } = condureConfig(settings);
  if (sizes === true) process.stdout.write(condureSizes(config.edge, fetchPlans));
  else await serve(config, createLog(config.log.level), fetchPlans);
}

function logLevel(value: string): Config['log']['level'] {
  const level = /^[0-9]+$/.test(value) ? LOG_LEVELS[Math.min(Number(value), LOG_LEVELS.length - 1)] : undefined;
  if (level === undefined)
    throw new CliError(`--log-level: expected a whole number from 0 to 4, got ${JSON.stringify(value)}`);
  return level;
}

/** A number, or the text as it is: the schema says what was expected of it. */
function numeric(value: string): number | string {
  return /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : value;
}
