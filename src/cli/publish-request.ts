import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { publishUrl } from '../codec/grip/index.ts';
import { CliError, reasonOf, USAGE } from './cli-error.ts';
import { gripUrlCredentials } from './grip-url-credentials.ts';

/** Maximum bytes of an error's text that are shown. */
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

/** Whether a connection to this host name of a URL stays on this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * Posts items to a publish endpoint.
 * @throws CliError if there is no response with status 200
 */
export async function postItems({ url, authorization }: PublishTarget, items: readonly unknown[]): Promise<void> {
  const body = Buffer.from(JSON.stringify({ items }));
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...(authorization !== null && { Authorization: authorization }),
  };
  let response: IncomingMessage;
  let text: string;
  try {
    response = await post(url, headers, body);
    text = await beginningOf(response);
  } catch (error) {
    throw new CliError(`cannot publish to ${url.href}: ${reasonOf(error)}`);
  }
  if (response.statusCode !== 200) {
    const { statusCode, statusMessage } = response;
    throw new CliError(printable(`${url.href} responded with ${statusCode} ${statusMessage}\n${text}`));
  }
}

/** Posts `body` on a connection of its own. The built-in `fetch` refuses ports that browsers block, such as 6000. */
function post(url: URL, headers: Record<string, string | number>, body: Buffer): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', headers, agent: false }, resolve).on('error', reject).end(body);
  });
}

/** The beginning of a body. The rest is not read. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_SHOWN) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_SHOWN);
}

/** Text of a server, without control characters that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '').trim();
}
