import { randomBytes } from 'node:crypto';
import { pathOf, reasonPhrase } from '../codec/http1/index.ts';
import type { HeaderList, RequestHead, ResponseHead } from '../exchange/index.ts';
import { type ByteRange, parseRanges } from './byte-ranges.ts';
import { Conditions } from './conditions.ts';
import { commonFields, type FileEntry } from './file-entry.ts';

/** A response: its head, and the pieces of its body in their order, which are texts and parts of the file. */
export interface FileResponse {
  readonly head: ResponseHead;
  readonly pieces: readonly (Buffer | ByteRange)[];
}

/** The response to a GET or HEAD for `entry` (RFC 9110 §13.2.2, §14.2). `date` is the present, in milliseconds since 1970. */
export function responseFor(entry: FileEntry, request: RequestHead, date: number, server: string): FileResponse {
  const conditions = Conditions.of(request.headers);
  switch (conditions?.status(entry, date)) {
    case 304:
      return { head: { status: 304, reason: '', headers: entry.fields(date), bodyLength: 0 }, pieces: [] };
    case 412:
      return plainResponse(412, date, server);
  }
  // RFC 9110 §14.2: a Range field has a meaning for GET only.
  const field = request.method === 'GET' ? conditions?.range(entry, date) : null;
  const ranges = field == null ? null : parseRanges(field, entry.size);
  if (ranges === null) return wholeResponse(entry, request, date);
  const [first, second] = ranges;
  if (first === undefined) {
    // §15.5.17: it says how long the file is.
    return plainResponse(416, date, server, ['Content-Range', `bytes */${entry.size}`]);
  }
  return second === undefined ? partResponse(entry, first, date) : partsResponse(entry, ranges, date);
}

function wholeResponse(entry: FileEntry, request: RequestHead, date: number): FileResponse {
  const head = entry.wholeHead(date);
  // RFC 9110 §9.3.2: what a GET would say. The writer frames bodies, and here is none of which it could know the length.
  if (request.method === 'HEAD' && entry.size === 0) {
    return { head: { ...head, headers: [...head.headers, 'Content-Length', '0'] }, pieces: [] };
  }
  return { head, pieces: [{ start: 0, end: entry.size }] };
}

function partResponse(entry: FileEntry, range: ByteRange, date: number): FileResponse {
  const headers = ['Content-Type', entry.type, 'Content-Range', contentRange(range, entry), ...entry.fields(date)];
  return { head: { status: 206, reason: '', headers, bodyLength: range.end - range.start }, pieces: [range] };
}

/** RFC 9110 §14.6: several parts, each with its own type and place. */
function partsResponse(entry: FileEntry, ranges: readonly ByteRange[], date: number): FileResponse {
  const boundary = randomBytes(16).toString('hex');
  const pieces: (Buffer | ByteRange)[] = [];
  let bodyLength = 0;
  for (const range of ranges) {
    const place = contentRange(range, entry);
    const head = `\r\n--${boundary}\r\nContent-Type: ${entry.type}\r\nContent-Range: ${place}\r\n\r\n`;
    pieces.push(Buffer.from(head, 'latin1'), range);
    bodyLength += head.length + range.end - range.start;
  }
  const end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  pieces.push(end);
  bodyLength += end.length;
  const headers = ['Content-Type', `multipart/byteranges; boundary=${boundary}`, ...entry.fields(date)];
  return { head: { status: 206, reason: '', headers, bodyLength }, pieces };
}

function contentRange({ start, end }: ByteRange, { size }: FileEntry): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

/** A response without a file. Its text is that of Mongrel2: the reason without a newline. */
export function plainResponse(status: number, date: number, server: string, fields: HeaderList = []): FileResponse {
  const body = Buffer.from(reasonPhrase(status));
  const headers = ['Content-Type', 'text/plain', ...fields, ...commonFields(date, server)];
  return { head: { status, reason: '', headers, bodyLength: body.length }, pieces: [body] };
}

/** Leads a client to the path of a folder with its slash. The scheme is that of the request, which a proxy in front may know alone. */
export function redirectResponse(request: RequestHead, date: number, server: string): FileResponse {
  const { target, authority } = request;
  const path = pathOf(target);
  // Without a host, a relative reference: a path that begins with two slashes would be a host.
  const place = authority === '' ? `./${path.slice(path.lastIndexOf('/') + 1)}` : `//${authority}${path}`;
  const headers = ['Location', `${place}/${target.slice(path.length)}`, ...commonFields(date, server)];
  return { head: { status: 301, reason: '', headers, bodyLength: 0 }, pieces: [] };
}
