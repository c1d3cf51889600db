import { withoutFields } from '../codec/fields/index.ts';
import type { HttpResponseFormat, InstructResponse } from '../codec/grip/index.ts';
import type { HeaderList, ResponseHead } from '../exchange/index.ts';
import type { PatchBody } from './hub-options.ts';

/**
 * A head from a status that an origin or a publisher chose. One that cannot be final (RFC 9110 §15: 1xx is interim, and there is
 * nothing below) becomes 502, as for any answer that makes no sense.
 */
export function responseHead(status: number, reason: string, headers: HeaderList, bodyLength: number): ResponseHead {
  return status < 200 ? { status: 502, reason: '', headers, bodyLength } : { status, reason, headers, bodyLength };
}

/** A published `http-response`, made ready to answer many held requests. */
export class PublishedAnswer {
  readonly channel: string;
  readonly hint: boolean;
  readonly #format: HttpResponseFormat;
  readonly #names = new Set<string>();
  readonly #exposed: ReadonlySet<string> | null;

  constructor(channel: string, format: HttpResponseFormat) {
    this.channel = channel;
    this.hint = format.action === 'hint';
    this.#format = format;
    for (let i = 0; i < format.headers.length; i += 2) this.#names.add((format.headers[i] as string).toLowerCase());
    const exposed = format.exposeHeaders;
    this.#exposed = exposed === null ? null : new Set(exposed.map((name) => name.toLowerCase()));
  }

  /** Head for a request that is held with `held` as its answer: published fields replace those of the same name. */
  head(held: InstructResponse, bodyLength: number): ResponseHead {
    const { code, reason, headers } = this.#format;
    const names = this.#names;
    const exposed = this.#exposed;
    const merged = withoutFields(held.headers, (name) => names.has(name)).concat(headers);
    const visible = exposed === null ? merged : withoutFields(merged, (name) => !exposed.has(name));
    return responseHead(code, reason, visible, bodyLength);
  }

  /** Body for that request: the published one, or the held one patched; null if the patch fails. */
  body(held: InstructResponse, patchBody: PatchBody): Buffer | null {
    const { body, bodyPatch } = this.#format;
    return bodyPatch === null ? body : patched(held.body, bodyPatch, patchBody);
  }
}

/** The final line end of the document, which is no part of the JSON, is kept. */
function patched(body: Buffer, patch: readonly unknown[], patchBody: PatchBody): Buffer | null {
  const document = body.toString();
  const changed = patchBody(document, patch);
  if (changed === null) return null;
  const lineEnd = document.endsWith('\r\n') ? '\r\n' : document.endsWith('\n') ? '\n' : '';
  return Buffer.from(changed + lineEnd);
}
