import jsonPatch from 'fast-json-patch';
import { parseJson } from '../codec/grip/index.ts';

/**
 * Characters that a document may have, before, between and after the operations of a patch.
 * @bound patched-document
 */
export const MAX_DOCUMENT = 1_048_576;

/**
 * Characters of JSON that the operations of one patch may look at, compare, copy or move, all together.
 * @bound patch-work
 */
export const MAX_WORK = 4_194_304;

/** Elements of an array that cost as much as one character of JSON when they move up or down. */
const ELEMENTS_MOVED = 8;

/**
 * Applies an RFC 6902 patch to a JSON text. Null when either is invalid, the document is neither an object nor an array, an operation
 * fails, or the patch exceeds `MAX_DOCUMENT` or `MAX_WORK`: a `copy` can double a document, so 24 short ones make 16 MB of a byte.
 */
export function patchBody(document: string, patch: readonly unknown[]): string | null {
  try {
    if (document.length > MAX_DOCUMENT) return null;
    const value = parseJson(Buffer.from(document));
    if (typeof value !== 'object' || value === null) return null;
    const text = JSON.stringify(new BoundedPatch(value, document.length).apply(patch));
    return text.length <= MAX_DOCUMENT ? text : null;
  } catch {
    return null;
  }
}

/** A document while it is being patched, one operation at a time. All methods throw at a bound. */
class BoundedPatch {
  #document: unknown;
  /** Not less than the characters of the document. */
  #size: number;
  #work = 0;

  constructor(document: unknown, size: number) {
    this.#document = document;
    this.#size = size;
  }

  apply(patch: readonly unknown[]): unknown {
    for (const operation of patch) this.#applyOne(operation as jsonPatch.Operation & Record<string, unknown>);
    return this.#document;
  }

  #applyOne(operation: jsonPatch.Operation & Record<string, unknown>): void {
    const { op, path, from, value } = operation;
    const target = this.#lookUp(path);
    const source = this.#lookUp(from);
    // Every operation looks at what it names, at the most: it clones, compares or replaces that.
    this.#measure(target);
    const sourceSize = this.#measure(source);
    const valueSize = this.#measure(value);
    this.#size +=
      String(path).length + (op === 'copy' ? sourceSize : 0) + (op === 'add' || op === 'replace' ? valueSize : 0);
    if (this.#size > MAX_DOCUMENT) throw new RangeError('the document gets too large');
    // The patch is applied to other documents too, so no part of it may become part of this one.
    const own = value === undefined ? operation : { ...operation, value: structuredClone(value) };
    // Validated, and without access to prototypes.
    this.#document = jsonPatch.applyOperation(this.#document, own, true, true, true).newDocument;
  }

  /** What a pointer names, or undefined. Charges the elements of an array that an operation there may move. */
  #lookUp(pointer: unknown): unknown {
    if (typeof pointer !== 'string') return undefined;
    this.#charge(pointer.length);
    let value = this.#document;
    for (const token of pointer.split('/').slice(1)) {
      if (typeof value !== 'object' || value === null) return undefined;
      if (Array.isArray(value)) this.#charge(value.length / ELEMENTS_MOVED);
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
      if (!Object.hasOwn(value, key)) return undefined;
      value = (value as Record<string, unknown>)[key];
    }
    return value;
  }

  /** Roughly the characters that a value has as JSON. */
  #measure(value: unknown): number {
    const before = this.#work;
    const open = [value];
    while (open.length > 0) {
      const next = open.pop();
      if (next === undefined) continue;
      this.#charge(typeof next === 'string' ? next.length + 3 : 8);
      if (typeof next !== 'object' || next === null) continue;
      if (Array.isArray(next)) {
        for (const element of next) open.push(element);
      } else {
        for (const key of Object.keys(next)) {
          this.#charge(key.length + 4);
          open.push((next as Record<string, unknown>)[key]);
        }
      }
    }
    return this.#work - before;
  }

  #charge(work: number): void {
    this.#work += work;
    if (this.#work > MAX_WORK) throw new RangeError('the patch takes too much work');
  }
}
