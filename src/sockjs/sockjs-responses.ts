import { createHash, randomInt } from 'node:crypto';
import { fieldValue, fieldValues, listMembers } from '../codec/fields/index.ts';
import { type HeaderList, type RequestHead, type ResponseHead, textResponse } from '../exchange/index.ts';

type WholeResponse = ReturnType<typeof textResponse>;

const NOT_CACHED = 'no-store, no-cache, must-revalidate, max-age=0';
const A_YEAR = 'public, max-age=31536000';

/** The fields that let pages of every origin read a response. */
export function sockJsFields(request: RequestHead, caching = NOT_CACHED): string[] {
  const origin = fieldValue(request.headers, 'origin') || '*';
  const fields = ['Cache-Control', caching, 'Access-Control-Allow-Origin', origin];
  fields.push('Access-Control-Allow-Credentials', 'true', 'Vary', 'Origin');
  return fields;
}

/** A response with a body. */
export function sockJsResponse(request: RequestHead, type: string, text: string, caching = NOT_CACHED): WholeResponse {
  const body = Buffer.from(text);
  const headers = ['Content-Type', type, ...sockJsFields(request, caching)];
  return { head: { status: 200, reason: '', headers, bodyLength: body.length }, body };
}

/** A response that says what is wrong. */
export function sockJsError(request: RequestHead, status: number, text: string): WholeResponse {
  return textResponse(status, text, ['Content-Type', 'text/plain', ...sockJsFields(request)]);
}

/** The response to a preflight. */
export function preflightResponse(request: RequestHead): WholeResponse {
  const headers = ['Content-Type', 'text/plain', ...sockJsFields(request)];
  headers.push('Access-Control-Allow-Methods', 'OPTIONS, GET, POST', 'Access-Control-Max-Age', '3600');
  const asked = listMembers(fieldValues(request.headers, 'access-control-request-headers'));
  if (asked.length > 0) headers.push('Access-Control-Allow-Headers', asked.join(', '));
  return empty(204, headers);
}

/** What a client asks for first. */
export function infoResponse(request: RequestHead): WholeResponse {
  const entropy = randomInt(2 ** 32);
  const info = { websocket: true, origins: ['*:*'], cookie_needed: false, entropy };
  return sockJsResponse(request, 'text/plain', `${JSON.stringify(info)}\n`);
}

/** The page that old browsers load in an iframe, to get around the limits of pages of other origins. */
export function iframeResponse(request: RequestHead, script: string): WholeResponse {
  const page = iframePage(script);
  const tag = `"${createHash('md5').update(page).digest('hex')}"`;
  if (fieldValue(request.headers, 'if-none-match') === tag) {
    return empty(304, ['ETag', tag, ...sockJsFields(request, A_YEAR)]);
  }
  const { head, body } = sockJsResponse(request, 'text/html; charset=UTF-8', page, A_YEAR);
  return { head: { ...head, headers: ['ETag', tag, ...head.headers] }, body };
}

/** A response that another one than this room refuses a request with, for a page of any origin. */
export function sockJsRefusal(
  request: RequestHead,
  { status, reason, headers, bodyLength }: ResponseHead,
): ResponseHead {
  const own = sockJsFields(request).filter((_, i, fields) => !has(headers, fields[i - (i % 2)] as string));
  return { status, reason, headers: [...headers, ...own], bodyLength };
}

function has(headers: HeaderList, name: string): boolean {
  return fieldValue(headers, name.toLowerCase()) !== undefined;
}

function empty(status: number, headers: HeaderList): WholeResponse {
  return { head: { status, reason: '', headers, bodyLength: 0 }, body: Buffer.alloc(0) };
}

function iframePage(script: string): string {
  const source = script.replace(/[&"<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="${source}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
`;
}
