import { withoutFields } from '../codec/fields/index.ts';
import { type HttpResponseFormat, type InstructResponse, NO_META } from '../codec/grip/index.ts';
import type { ResponseHead } from '../exchange/index.ts';
import type { PatchBody } from './hub-options.ts';
import { idsAndMetaCost, responseCost } from './item-cost.ts';
import { Step } from './step.ts';

/**
 * Bytes of held and patched bodies that one published patch keeps, so that equal held bodies are patched once. Beyond it they are
 * forgotten, and the patch is applied again.
 * @bound hub-patched-bodies
 */
export const MAX_PATCHED_BYTES = 4_194_304;

/** A published `http-response`, prepared for many held requests. */
export class PublishedResponse extends Step {
  readonly hint: boolean;
  /** Its id; null for none, and for an item that is to be delivered whatever the order of the others is. */
  readonly id: string | null;
  /** The id of the item before it, as `id`. */
  readonly prevId: string | null;
  /** The number of its item; 0 where the channel is not kept. */
  number = 0;
  /** Itself in the shapes of joined items. */
  shapes: Map<string, PublishedResponse> | null = null;
  readonly #format: HttpResponseFormat;
  readonly #names = new Set<string>();
  readonly #exposed: ReadonlySet<string> | null;
  /** Patched bodies by held body, in latin1; null where the patch cannot be applied. */
  #patched: Map<string, Buffer | null> | null = null;
  #patchedBytes = 0;

  /** For filters. */
  readonly meta: Readonly<Record<string, string>>;

  constructor(
    channel: string,
    format: HttpResponseFormat,
    id: string | null = null,
    prevId: string | null = null,
    meta: Readonly<Record<string, string>> = NO_META,
  ) {
    super(channel, 'http-response');
    this.hint = format.action === 'hint';
    this.meta = meta;
    this.id = id;
    this.prevId = prevId;
    this.#format = format;
    for (let i = 0; i < format.headers.length; i += 2) this.#names.add((format.headers[i] as string).toLowerCase());
    const exposed = format.exposeHeaders;
    this.#exposed = exposed === null ? null : new Set(exposed.map((name) => name.toLowerCase()));
    this.charge(idsAndMetaCost(this) + responseCost(format));
  }

  /** What was published. */
  get content(): HttpResponseFormat {
    return this.#format;
  }

  /** The content filters that the publisher counts on; null if it did not say. */
  get contentFilters(): readonly string[] | null {
    return this.#format.contentFilters;
  }

  /** How many names and values its header has: work for each client that gets them. */
  get fields(): number {
    return this.#format.headers.length;
  }

  /** Head for a request that is held with `held` as its response: published fields replace those of the same name. */
  head(held: InstructResponse, bodyLength: number): ResponseHead {
    const { code, reason, headers } = this.#format;
    const names = this.#names;
    const exposed = this.#exposed;
    const merged = withoutFields(held.headers, (name) => names.has(name)).concat(headers);
    const visible = exposed === null ? merged : withoutFields(merged, (name) => !exposed.has(name));
    return { status: code, reason, headers: visible, bodyLength };
  }

  /**
   * Body for that request: the published one, or the held one patched. Null if the patch cannot be applied.
   * @param onPatch called before a patch is applied, once for each distinct held body
   */
  body(held: InstructResponse, patchBody: PatchBody, onPatch: () => void): Buffer | null {
    const { body, bodyPatch } = this.#format;
    if (bodyPatch === null) return body;
    const key = held.body.toString('latin1');
    this.#patched ??= new Map();
    const known = this.#patched.get(key);
    if (known !== undefined) return known;
    onPatch();
    const result = patched(held.body, bodyPatch, patchBody);
    this.#patchedBytes += key.length + (result?.length ?? 0);
    if (this.#patchedBytes > MAX_PATCHED_BYTES) {
      this.#patched.clear();
      this.#patchedBytes = key.length + (result?.length ?? 0);
    }
    this.#patched.set(key, result);
    return result;
  }
}

/** The final line end of the document, which is not part of the JSON, is kept. */
function patched(body: Buffer, patch: readonly unknown[], patchBody: PatchBody): Buffer | null {
  const document = body.toString();
  const changed = patchBody(document, patch);
  if (changed === null) return null;
  const lineEnd = document.endsWith('\r\n') ? '\r\n' : document.endsWith('\n') ? '\n' : '';
  return Buffer.from(changed + lineEnd);
}

/** Says why a patch could not be applied to a held body. The body is not parsed again only for the log. */
export function patchProblem(body: Buffer): string {
  let at = 0;
  // RFC 8259 §2: space, tab, LF and CR may come first.
  while (body[at] === 0x20 || body[at] === 0x09 || body[at] === 0x0a || body[at] === 0x0d) at++;
  return body[at] === 0x7b || body[at] === 0x5b
    ? 'body-patch cannot be applied to the held body'
    : 'body-patch cannot be applied: the held body is not a JSON object or array';
}
