import { readFileSync } from 'node:fs';
import { publishUrl } from '../codec/grip/index.ts';
import { isLoopback } from '../codec/http1/index.ts';
import { beginningOf, sendRequest, withoutControls } from '../plain-http/index.ts';
import { CliError, reasonOf, USAGE } from './cli-error.ts';
import { gripUrlCredentials } from './grip-url-credentials.ts';

/** Bytes of a response that are read. */
const MAX_ANSWER = 1_048_576;

/** Maximum characters of an error's text that are shown. */
const MAX_SHOWN = 2000;

/** Why credentials are not sent to a URL. */
export const CREDENTIALS_REFUSED = 'credentials are only sent over https, or over http to this machine';

/** Where items are posted to. */
export interface PublishTarget {
  readonly url: URL;
  /** Value of the Authorization field; null for none. */
  readonly authorization: string | null;
}

/**
 * What the URL of a publish endpoint stands for, with or without `/publish/` at its end. Of a GRIP_URL its user and password, or `iss` and `key` of its query, are used.
 * @param given value of the Authorization field, instead of what the URL says; null for none
 * @throws CliError
 */
export function publishTarget(spec: string, given: string | null): PublishTarget {
  const url = URL.canParse(spec) ? new URL(spec) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // A URL may contain a password, so the error does not repeat it.
    throw new CliError('--spec or GRIP_URL is not a URL: expected http://…, https://… or tcp://…', USAGE);
  }
  const authorization = given ?? gripUrlCredentials(url, (path) => readFileSync(path, 'utf8'));
  if (authorization !== null && url.protocol !== 'https:' && !isLoopback(url.hostname)) {
    throw new CliError(CREDENTIALS_REFUSED, USAGE);
  }
  return { url: publishUrl(url), authorization };
}

/**
 * Posts items to a publish endpoint. Resolves with its answer.
 * @param cursors whether it is asked for the cursors of the items
 * @throws CliError if there is no response with status 200
 */
export async function postItems(
  { url, authorization }: PublishTarget,
  items: readonly unknown[],
  cursors: boolean,
): Promise<string> {
  const { body, headers } = itemsRequest(items, authorization, cursors);
  const { status, reason, text } = await answerOf(url, headers, body).catch((error) => {
    throw new CliError(`cannot publish to ${url.href}: ${reasonOf(error)}`);
  });
  if (status === 200) return text;
  throw new CliError(withoutControls(`${url.href} responded with ${status} ${reason}\n${text.slice(0, MAX_SHOWN)}`));
}

/** The body of a request that publishes items, and its headers. */
export function itemsRequest(
  items: readonly unknown[],
  authorization: string | null,
  cursors: boolean,
): { readonly body: Buffer; readonly headers: Readonly<Record<string, string | number>> } {
  const body = Buffer.from(JSON.stringify({ items }));
  const own = {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...(cursors && { Prefer: 'return=representation' }),
  };
  return { body, headers: authorization === null ? own : { ...own, Authorization: authorization } };
}

async function answerOf(url: URL, headers: Readonly<Record<string, string | number>>, body: Buffer) {
  const response = await sendRequest(url, { method: 'POST', headers, body });
  const text = await beginningOf(response, MAX_ANSWER);
  return { status: response.statusCode, reason: response.statusMessage, text: text.toString() };
}
