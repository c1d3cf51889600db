import { fieldValue, nameIs } from '../codec/fields/index.ts';
import { type Requester, type RequestHead, respond, textResponse } from '../exchange/index.ts';

/** Fields that a TRACE response leaves out, because scripts of other sites could read them in it (RFC 9110 §9.3.8). */
const SENSITIVE = new Set(['authorization', 'cookie', 'proxy-authorization']);

/**
 * Counts down Max-Forwards of an OPTIONS or TRACE request (RFC 9110 §7.6.2).
 * @returns what is to be forwarded: the request itself where there is nothing to count; null if it goes no further than here
 */
export function countForward(request: RequestHead): RequestHead | null {
  const { method, headers } = request;
  if (method !== 'OPTIONS' && method !== 'TRACE') return request;
  const value = fieldValue(headers, 'max-forwards');
  if (value === undefined || !/^[0-9]{1,15}$/.test(value)) return request;
  const left = Number(value);
  if (left === 0) return null;
  const counted: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    counted.push(name, nameIs(name, 'max-forwards') ? String(left - 1) : (headers[i + 1] as string));
  }
  return { ...request, headers: counted };
}

/** Responds to a request that goes no further than here, as its final recipient (RFC 9110 §9.3.7, §9.3.8). */
export function respondAsLast({ method, target, version, headers }: RequestHead, requester: Requester): void {
  if (method === 'OPTIONS') {
    respond(requester, { head: { status: 204, reason: '', headers: [], bodyLength: 0 }, body: Buffer.alloc(0) });
    return;
  }
  const lines = [`${method} ${target} HTTP/${version}`];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!SENSITIVE.has(name.toLowerCase())) lines.push(`${name}: ${headers[i + 1]}`);
  }
  respond(requester, textResponse(200, `${lines.join('\r\n')}\r\n\r`, ['Content-Type', 'message/http']));
}
