import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CliError, reasonOf, USAGE } from './cli-error.ts';

/** Maximum bytes of an error's text that are shown. */
const MAX_SHOWN = 2000;

/**
 * The URL that items are posted to, for the URL of a publish endpoint, with or without `/publish/` at its end. A query, as in a GRIP_URL, is
 * ignored.
 * @param authorization value of the Authorization field, which is sent over https only; null for none
 * @throws CliError
 */
export function publishUrl(spec: string, authorization: string | null): URL {
  const url = URL.canParse(spec) ? new URL(spec) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // A URL may contain a password, so the error does not repeat it.
    throw new CliError('--spec or GRIP_URL is not a URL: expected http://…, https://… or tcp://…', USAGE);
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError('credentials in the URL are not accepted: use --user or --bearer', USAGE);
  }
  if (authorization !== null && url.protocol !== 'https:') {
    throw new CliError('credentials are only sent over https', USAGE);
  }
  url.search = '';
  url.hash = '';
  url.pathname = `${url.pathname.replace(/(\/publish)?\/*$/, '')}/publish/`;
  return url;
}

/**
 * Posts items to a publish endpoint.
 * @throws CliError if there is no response with status 200
 */
export async function postItems(url: URL, items: readonly unknown[], authorization: string | null): Promise<void> {
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
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '').trim();
}
