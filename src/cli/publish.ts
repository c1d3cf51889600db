import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, USAGE } from './cli-error.ts';
import { newCommand } from './command.ts';
import { type Action, type NameValue, publishItem } from './publish-item.ts';
import { pushItems } from './publish-push.ts';
import { CREDENTIALS_REFUSED, postItems, publishTarget } from './publish-request.ts';

const DEFAULT_SPEC = 'http://localhost:5561';

const NOTES = `
An item has content for held responses, for streams and for WebSockets
(ws-message).`;

/** Options that say something of the content, by the names of their values. */
const OF_CONTENT = ['code', 'header', 'patch'];

/** Values of the options of `holdfast publish`. */
interface PublishOptions {
  readonly id?: string;
  readonly prevId?: string;
  readonly code: number;
  readonly header?: readonly NameValue[];
  readonly meta?: readonly NameValue[];
  readonly sender?: string;
  readonly hint?: boolean;
  readonly close?: boolean;
  readonly patch?: boolean;
  readonly seq: boolean;
  readonly eol: boolean;
  readonly spec: string;
  /** Value of the Authorization field, as for `bearer`. */
  readonly user?: string;
  readonly bearer?: string;
}

/** `holdfast publish`: sends one item to the publish endpoint of a running server. The options are those of `pushpin-publish`. */
export function publishCommand(): Command {
  return newCommand(
    'publish',
    'Publish an item to the clients held on a channel.',
    "holdfast publish greetings 'good day'",
  )
    .addHelpText('after', NOTES)
    .argument('<channel>', 'channel to publish to')
    .argument('[content]', 'content of the item; @FILE for the content of a file, @- for standard input')
    .option('--id <id>', 'id of the item')
    .option('--prev-id <id>', 'id of the item before it')
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
    .option('--no-eol', 'add no newline to the content of HTTP responses')
    .addOption(
      new Option(
        '--spec <url>',
        'URL of the publish endpoint, with or without /publish/ (iss and key in its query sign a token), or tcp://HOST:PORT of a ZeroMQ PULL socket',
      )
        .env('GRIP_URL')
        .default(DEFAULT_SPEC),
    )
    .option('-u, --user <name:password>', 'credentials for Basic authentication; over https, or to this machine', user)
    .addOption(
      new Option('-B, --bearer <token>', 'token for Bearer authentication; over https, or to this machine')
        .argParser(bearer)
        .conflicts('user'),
    )
    .action(publish);
}

async function publish(channel: string, content: string | undefined, options: PublishOptions): Promise<void> {
  const authorization = options.user ?? options.bearer ?? null;
  const spec = options.spec || DEFAULT_SPEC;
  const isZmq = /^(?:tcp|ipc):/.test(spec);
  if (isZmq && authorization !== null) throw new CliError(CREDENTIALS_REFUSED, USAGE);
  const target = isZmq ? null : publishTarget(spec, authorization);
  const { id = '', prevId = '', meta: given = [], sender, seq } = options;
  const variables = sender === undefined ? given : [...given, ['sender', sender] as const];
  const action = await actionOf(content, options);
  const item = publishItem({ channel, action, id, prevId, meta: variables, noSeq: !seq });
  if (target === null) await pushItems(spec, [item]);
  else await postItems(target, [item]);
  console.log('Published');
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

function statusCode(value: string): number {
  // RFC 9110 §15: a status below 200 is not that of a final response.
  if (!/^[2-9][0-9]{2}$/.test(value)) throw new InvalidArgumentError('Expected a whole number from 200 to 999.');
  return Number(value);
}

function header(value: string, earlier: readonly NameValue[] = []): readonly NameValue[] {
  return [...earlier, nameAndValue(value, ':', 'Expected NAME:VALUE.')];
}

/** RFC 7617 §2: the name ends at the first colon, so a colon is required. Errors do not repeat secrets. */
function user(value: string): string {
  if (!value.includes(':')) throw new CliError('--user: expected NAME:PASSWORD', USAGE);
  return `Basic ${Buffer.from(value).toString('base64')}`;
}

function bearer(value: string): string {
  if (!/^[!-~]+$/.test(value)) throw new CliError('--bearer: expected a token without spaces', USAGE);
  return `Bearer ${value}`;
}

function nameAndValue(text: string, separator: string, expected: string): NameValue {
  const at = text.indexOf(separator);
  if (at < 0) throw new InvalidArgumentError(expected);
  return [text.slice(0, at), text.slice(at + 1).trim()];
}
