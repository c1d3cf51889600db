import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FetchPlan } from '../app/index.ts';
import type { RequestPacket } from '../codec/zhttp/index.ts';
import {
  defaultConfig,
  type FetchEndpoints,
  type HostPort,
  parseFetchEndpoints,
  parseHostPort,
} from '../config/index.ts';
import { CliError, FAILURE, reasonOf, USAGE } from './cli-error.ts';
import { newCommand, optionValue } from './command.ts';
import { readAnyConfig } from './config-options.ts';
import { fetchHttp } from './fetch-http.ts';
import { failureOf, standardOutput } from './fetch-output.ts';
import { fetchUrl, firstPacket, isWebSocket, type RequestOptions, type Upload, uploadOf } from './fetch-packet.ts';
import { fetchWebSocket } from './fetch-websocket.ts';
import { startLocalFetch } from './local-fetch.ts';
import { sendReq } from './send-req.ts';
import { printable } from './show-packet.ts';
import { type PacketTrace, ZhttpRequester } from './zhttp-requester.ts';

/** Seconds in which an origin usually responds to the last line of the input. */
const DEFAULT_LINGER = 2;

const NOTES = `
Without --stream and --endpoint this process makes the request, which may go
anywhere. With --config the rules and limits of [fetch] in that file apply.

WebSocket: each message is printed as a line, and each input line is sent as a
message. The WebSocket closes --linger seconds after the input ends.

Exit codes: 0 for a response with any status, 1 for failure (with its condition)
or, with --fail, for a status other than 2xx, 2 for wrong usage.`;

/** Values of the options of `holdfast fetch`. */
interface FetchOptions extends RequestOptions {
  readonly endpoint?: string;
  readonly stream?: FetchEndpoints;
  readonly config?: string;
  readonly include?: boolean;
  readonly verbose?: boolean;
  readonly fail?: boolean;
  /** Seconds. */
  readonly linger: number;
}

/** `holdfast fetch`: one outbound request, through a running server or in this process. */
export function fetchCommand(): Command {
  return newCommand(
    'fetch',
    'Make a request over ZHTTP, and print its response.',
    'holdfast fetch --verbose --stream ipc:///run/holdfast/fetch https://example.com/',
  )
    .argument('<url>', 'http, https, ws or wss URL')
    .addHelpText('after', NOTES)
    .option('-X, --request <method>', 'method (default: GET, or POST with --data)')
    .option('-H, --header <name:value>', 'header of the request; may be repeated', header)
    .option('-d, --data <data>', 'body of the request; @FILE for the content of a file, @- for standard input')
    .option('--follow', 'follow redirects')
    .option('--timeout <seconds>', 'maximum time for the whole request', seconds)
    .option('--linger <seconds>', 'time from the end of the input to the close of a WebSocket', seconds, DEFAULT_LINGER)
    .option('-k, --insecure', 'do not verify certificates')
    .option('--connect-host <host:port>', "connect to this address instead of the URL's", connectHost)
    .option('--stream <base>', 'use stream mode, with the server at this base of endpoints', stream)
    .addOption(new Option('--endpoint <spec>', 'use req mode, with the server at this endpoint').conflicts('stream'))
    .addOption(
      new Option(
        '--config <file>',
        'make the request in this process, with the rules of [fetch] in this file',
      ).conflicts(['stream', 'endpoint']),
    )
    .option('-i, --include', 'print the response head too')
    .option('-f, --fail', 'fail if the status is not 2xx')
    .option('-v, --verbose', 'show the packets on standard error: > for sent ones, < for received ones')
    .action(fetch);
}

async function fetch(text: string, options: FetchOptions): Promise<void> {
  const url = fetchUrl(text);
  const packet = firstPacket(url, options);
  const upload = options.data === undefined ? null : uploadOf(options.data);
  if (isWebSocket(url)) {
    if (options.endpoint !== undefined) throw new CliError('a WebSocket needs stream mode: use --stream', USAGE);
    if (upload !== null) throw new CliError('a WebSocket is opened without --data', USAGE);
  }
  try {
    const status = await statusOf(packet, upload, options);
    if (options.fail && status !== 0 && (status < 200 || status > 299)) {
      throw new CliError(`the origin responded with status ${status}`);
    }
  } finally {
    // Unread input would keep the process alive.
    process.stdin.destroy();
  }
}

/** Makes the request in the requested mode. Returns the status; 0 for a WebSocket. */
async function statusOf(packet: RequestPacket, upload: Upload | null, options: FetchOptions): Promise<number> {
  if (options.endpoint !== undefined) return overReq(options.endpoint, packet, upload, options);
  if (options.stream !== undefined) return overStream(options.stream, packet, upload, options);
  const plan = localPlan(options.config);
  let local: Awaited<ReturnType<typeof startLocalFetch>>;
  try {
    local = await startLocalFetch(plan);
  } catch (error) {
    throw new CliError(reasonOf(error));
  }
  try {
    return await overStream(local.endpoints, packet, upload, options);
  } catch (error) {
    // The packet has the condition only. The reason is known here, where the request was made.
    const { failure } = local;
    if (failure === null || !(error instanceof CliError) || error.message.includes(failure)) throw error;
    throw new CliError(printable(`${error.message}: ${failure}`));
  } finally {
    await local.stop();
  }
}

async function overStream(
  endpoints: FetchEndpoints,
  packet: RequestPacket,
  upload: Upload | null,
  options: FetchOptions,
): Promise<number> {
  const requester = new ZhttpRequester(endpoints, traceOf(options));
  const output = standardOutput(options.include ?? false);
  const interrupted = interruption(() => requester.send({ type: 'cancel' }));
  try {
    await requester.connect();
    const run = isWebSocket(packet.uri)
      ? fetchWebSocket(requester, packet, process.stdin, output, options.linger * 1000).then(() => 0)
      : fetchHttp(requester, packet, upload, output);
    return await Promise.race([run, interrupted.promise]);
  } finally {
    interrupted.end();
    await requester.close();
  }
}

async function overReq(
  endpoint: string,
  packet: RequestPacket,
  upload: Upload | null,
  options: FetchOptions,
): Promise<number> {
  packet.credits = 0;
  const body: Buffer[] = [];
  for await (const chunk of upload?.chunks ?? []) body.push(chunk);
  packet.body = Buffer.concat(body);
  const interrupted = interruption(() => {});
  try {
    const response = await sendReq(endpoint, packet, traceOf(options), interrupted.promise);
    if (response.type !== 'data') throw failureOf(response);
    const output = standardOutput(options.include ?? false);
    output.head(response);
    await new Promise<void>((resolve) => output.body(response.body, resolve));
    return response.code;
  } finally {
    interrupted.end();
  }
}

/** Rejects on a signal to stop, after calling `before`. */
function interruption(before: () => void): { readonly promise: Promise<never>; readonly end: () => void } {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let listener: () => void = () => {};
  const promise = new Promise<never>((_, reject) => {
    listener = () => {
      before();
      reject(new CliError('interrupted', FAILURE));
    };
  });
  promise.catch(() => {});
  for (const signal of signals) process.once(signal, listener);
  const end = () => {
    for (const signal of signals) process.off(signal, listener);
  };
  return { promise, end };
}

function traceOf({ verbose }: FetchOptions): PacketTrace {
  return verbose ? (direction, text) => process.stderr.write(`${direction} ${text}\n`) : () => {};
}

/** The user may reach every address that this machine reaches, unless a file says otherwise. */
function localPlan(file: string | undefined): FetchPlan {
  if (file !== undefined) return readAnyConfig({ config: file }).config.fetch;
  return { ...defaultConfig().fetch, allowInternal: true };
}

function header(
  value: string,
  earlier: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const colon = value.indexOf(':');
  if (colon <= 0) throw new InvalidArgumentError('Expected NAME:VALUE.');
  return [...earlier, [value.slice(0, colon).trim(), value.slice(colon + 1).trim()]];
}

function seconds(value: string): number {
  const number = /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : 0;
  if (number <= 0) throw new InvalidArgumentError('Expected a number of seconds above 0.');
  return number;
}

function connectHost(value: string): HostPort {
  return optionValue(() => parseHostPort(value, 1));
}

function stream(value: string): FetchEndpoints {
  return optionValue(() => parseFetchEndpoints(value));
}
