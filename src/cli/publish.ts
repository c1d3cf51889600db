import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { MAX_KEY_BYTES, MAX_TTL, publishedCursors } from '../codec/grip/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, USAGE } from './cli-error.ts';
import { newCommand, wholeNumber } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, callerCredentials, controlTarget } from './control-target.ts';
import { type Action, type NameValue, publishItem } from './publish-item.ts';
import { pushItems } from './publish-push.ts';
import { CREDENTIALS_REFUSED, postItems, publishTarget } from './publish-request.ts';

const NOTES = `
An item has content for held responses, for streams and for WebSockets
(ws-message).`;

/** Options that say something of the content, by the names of their values. */
const OF_CONTENT = ['code', 'header', 'patch'];

/** Values of the options of `holdfast publish`. */
interface PublishOptions extends ControlOptions {
  readonly id?: string;
  readonly prevId?: string;
  readonly idempotencyKey?: string;
  readonly itemVersion?: number;
  readonly ttl?: number;
  readonly code: number;
  readonly header?: readonly NameValue[];
  readonly meta?: readonly NameValue[];
  readonly sender?: string;
  readonly hint?: boolean;
  readonly close?: boolean;
  readonly patch?: boolean;
  readonly retain: boolean;
  readonly seq: boolean;
  readonly eol: boolean;
  readonly cursor?: boolean;
  readonly spec?: string;
  readonly bearer?: string;
}

/**
 * `holdfast publish`: sends one item to the publish endpoint of a running server. It has the options of `pushpin-publish`, and those of the commands
 * that ask the control port.
 */
export function publishCommand(): Command {
  const command = newCommand(
    'publish',
    'Publish an item to the clients held on a channel.',
    "holdfast publish greetings 'good day'",
  )
    .addHelpText('after', NOTES)
    .argument('<channel>', 'channel to publish to')
    .argument('[content]', 'content of the item; @FILE for the content of a file, @- for standard input')
    .option('--id <id>', 'id of the item')
    .option('--prev-id <id>', 'id of the item before it')
    .option(
      '--idempotency-key <key>',
      'the item is published only once within five minutes, however often it is sent with this key',
      idempotencyKey,
    )
    .addOption(
      new Option('--item-version <number>', 'the item is dropped unless it is newer than the last one of its channel')
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER))
        .conflicts('prevId'),
    )
    .addOption(
      new Option(
        '--ttl <seconds>',
        'time after which the item is no longer sent to clients that have not got it',
      ).argParser(wholeNumber(1, MAX_TTL)),
    )
    .option('--no-retain', 'for clients that are connected only: a channel with a history does not keep the item')
    .option('--sender <name>', 'who publishes: clients of this user that are to skip their own items do not get it')
    .addOption(
      new Option('--code <number>', 'status of the response to held requests, from 200')
        .default(200)
        .argParser(statusCode),
    )
    .option('-H, --header <name:value>', 'header of the response to held requests; may be repeated', header)
    .option('-M, --meta <name=value>', 'variable for filters; may be repeated', meta)
    .addOption(new Option('--hint', 'send held requests to their origin again, without content').conflicts(OF_CONTENT))
    .addOption(new Option('--close', 'end streams and WebSockets, without content').conflicts(['hint', ...OF_CONTENT]))
    .option('--patch', 'the content is a JSON patch for the response to held requests')
    .option('--no-seq', 'deliver at once, regardless of --prev-id')
    .option('--cursor', 'print the cursor of the item in the history of its channel')
    .option('--no-eol', 'add no newline to the content of HTTP responses')
    .addOption(
      new Option(
        '--spec <url>',
        'instead of a control port: URL of a publish endpoint, with or without /publish/ (iss and key in its query sign a token), or tcp://HOST:PORT of a ZeroMQ PULL socket',
      ).env('GRIP_URL'),
    )
    .option('--bearer <token>', 'the same as --token')
    .action(publish);
  return addControlOptions(command);
}

async function publish(
  channel: string,
  content: string | undefined,
  options: PublishOptions,
  command: Command,
): Promise<void> {
  const send = senderOf(options, command);
  const { id = '', prevId = '', meta: given = [], sender, seq } = options;
  const { idempotencyKey = '', itemVersion: version = null, ttl = null, retain } = options;
  const variables = sender === undefined ? given : [...given, ['sender', sender] as const];
  const action = await actionOf(content, options);
  const extras = { idempotencyKey, version, ttl, retain };
  const answer = await send([publishItem({ channel, action, id, prevId, ...extras, meta: variables, noSeq: !seq })]);
  const [cursor = null] = options.cursor ? publishedCursors(answer) : [];
  console.log(cursor ?? 'Published');
  if (options.cursor && cursor === null) console.error('the item has no cursor: its channel has no history');
}

/**
 * Sends items where the options say: the control port that the other commands ask too, unless there is a URL of a publish endpoint. What is given on the
 * command line comes before the environment.
 * @throws CliError for options that cannot be used
 */
function senderOf(options: PublishOptions, command: Command): (items: readonly unknown[]) => Promise<string> {
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  const isPort = isGiven('url') || isGiven('config');
  if (isGiven('spec') && isPort) throw new CliError('give --spec, or --url or --config, not both', USAGE);
  const { spec = '', bearer, cursor: cursors = false } = options;
  const own = {
    user: isGiven('user') ? options.user : undefined,
    token: bearer ?? (isGiven('token') ? options.token : undefined),
  };
  if (isPort || spec === '') {
    const isOwn = own.user !== undefined || own.token !== undefined;
    const client = new ControlClient(controlTarget({ ...options, ...(isOwn && own) }));
    return (items) => client.publish(items, cursors);
  }
  // Credentials of the environment are for the control port. A GRIP_URL may name the server of somebody else.
  const authorization = callerCredentials(own.user, own.token);
  if (/^(?:tcp|ipc):/.test(spec)) {
    if (authorization !== null) throw new CliError(CREDENTIALS_REFUSED, USAGE);
    if (cursors) throw new CliError('--cursor needs http: over ZeroMQ nothing is answered', USAGE);
    return async (items) => {
      await pushItems(spec, items);
      return '';
    };
  }
  const target = publishTarget(spec, authorization);
  return (items) => postItems(target, items, cursors);
}

async function actionOf(content: string | undefined, options: PublishOptions): Promise<Action> {
  if (options.hint || options.close) {
    const kind = options.hint ? 'hint' : 'close';
    if (content !== undefined) throw new CliError(`--${kind} is sent without content: leave out the content`, USAGE);
    return { kind };
  }
  if (content === undefined)
    throw new CliError('content is missing: give it after the channel, or use --hint or --close', USAGE);
  const isFile = content.startsWith('@');
  const bytes = isFile ? await readContent(content.slice(1)) : Buffer.from(content);
  const response = { code: options.code, headers: options.header ?? [] };
  if (options.patch) return { kind: 'patch', patch: parsePatch(bytes), response };
  // The bytes of a file are sent unchanged. Text from the command line gets a newline.
  const httpContent = isFile || !options.eol ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
  return { kind: 'send', httpContent, wsContent: bytes, response };
}

async function readContent(file: string): Promise<Buffer> {
  try {
    if (file !== '-') return readFileSync(file);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (error) {
    throw new CliError(`cannot read ${file === '-' ? 'standard input' : file}: ${systemErrorText(error)}`);
  }
}

function parsePatch(bytes: Buffer): readonly unknown[] {
  let patch: unknown;
  try {
    patch = JSON.parse(bytes.toString());
  } catch (error) {
    throw new CliError(`the patch is not JSON: ${(error as Error).message}`, USAGE);
  }
  if (!Array.isArray(patch)) throw new CliError('the patch is not a JSON array of operations', USAGE);
  return patch;
}

function meta(value: string, earlier: readonly NameValue[] = []): readonly NameValue[] {
  const variable = nameAndValue(value, '=', 'Expected NAME=VALUE.');
  return [...earlier, variable];
}

function idempotencyKey(value: string): string {
  if (value === '' || Buffer.byteLength(value) > MAX_KEY_BYTES)
    throw new InvalidArgumentError(`Expected 1 to ${MAX_KEY_BYTES} bytes.`);
  return value;
}

function statusCode(value: string): number {
  // RFC 9110 §15: a status below 200 is not that of a final response.
  if (!/^[2-9][0-9]{2}$/.test(value)) throw new InvalidArgumentError('Expected a whole number from 200 to 999.');
  return Number(value);
}

function header(value: string, earlier: readonly NameValue[] = []): readonly NameValue[] {
  return [...earlier, nameAndValue(value, ':', 'Expected NAME:VALUE.')];
}

function nameAndValue(text: string, separator: string, expected: string): NameValue {
  const at = text.indexOf(separator);
  if (at < 0) throw new InvalidArgumentError(expected);
  return [text.slice(0, at), text.slice(at + 1).trim()];
}
