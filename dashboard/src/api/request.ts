/** Why there is no result. */
export type FailureKind =
  /** The server cannot be reached. */
  | 'unreachable'
  /** Nobody has logged in, or the session has ended. */
  | 'signed-out'
  /** The role does not allow it. */
  | 'forbidden'
  /** The part of the server does not run. */
  | 'absent'
  /** Refused for another reason, which the message says. */
  | 'refused';

/** A request that failed. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** Body of the response, if it was JSON. */
  readonly body: unknown;

  constructor(kind: FailureKind, message: string, body?: unknown) {
    super(message);
    this.kind = kind;
    this.body = body;
  }
}

const KINDS: Readonly<Record<number, FailureKind>> = { 401: 'signed-out', 403: 'forbidden', 404: 'absent' };

/** The control API is beside the page's folder, whatever the path of a proxy in front. */
export function apiUrl(path: string): string {
  return new URL(`..${path}`, document.baseURI).href;
}

/**
 * Makes a request to the control API and returns the JSON of its response.
 * @throws Failure for every other end
 */
export async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  let text: string;
  try {
    const headers = { Accept: 'application/json', ...init.headers };
    response = await fetch(apiUrl(path), { ...init, headers, cache: 'no-store', credentials: 'same-origin' });
    text = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Failure('unreachable', 'The server cannot be reached.');
  }
  const body = parse(text);
  if (response.ok) return body as T;
  const message = messageOf(body) ?? (text.length < 200 && text.trim() !== '' ? text.trim() : response.statusText);
  throw new Failure(KINDS[response.status] ?? 'refused', message, body);
}

/** As `request`, with a JSON body. */
export function send<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
  if (body === undefined) return request<T>(path, { method, headers });
  return request<T>(path, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageOf(body: unknown): string | null {
  const error = (body as { error?: { message?: unknown } } | null | undefined)?.error;
  return typeof error?.message === 'string' ? error.message : null;
}
