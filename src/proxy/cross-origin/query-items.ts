/** One parameter of a query. */
interface QueryItem {
  /** As it stands in the query. */
  readonly text: string;
  /** Percent-decoded; null where that is not possible. */
  readonly name: string | null;
  /** Still encoded. */
  readonly value: string;
}

const PERCENT = 0x25;

/** The parameters of a query, some of which are for the proxy and do not go on. `+` is a plus sign, as in Pushpin. */
export class QueryItems {
  #items: QueryItem[];

  /** @param query without the question mark, in latin1 */
  constructor(query: string) {
    this.#items = query === '' ? [] : query.split('&').map(readItem);
  }

  has(name: string): boolean {
    return this.#items.some((item) => item.name === name);
  }

  /**
   * Takes out all parameters with this name. Returns the decoded value of the first one: undefined if there was none, null if it cannot be
   * decoded.
   */
  take(name: string): Buffer | null | undefined {
    const first = this.#items.find((item) => item.name === name);
    if (first === undefined) return undefined;
    this.#items = this.#items.filter((item) => item.name !== name);
    return decodePercent(first.value);
  }

  /** What is left, with the question mark if it is anything. */
  get rest(): string {
    return this.#items.length === 0 ? '' : `?${this.#items.map(({ text }) => text).join('&')}`;
  }
}

function readItem(text: string): QueryItem {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  return { text, name: decodePercent(name)?.toString() ?? null, value: equals < 0 ? '' : text.slice(equals + 1) };
}

/** The bytes that a percent-encoded text in latin1 stands for (RFC 3986 §2.1); null where an escape is not complete. */
export function decodePercent(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte !== PERCENT) {
      bytes[length++] = byte;
      continue;
    }
    const hex = text.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return null;
    bytes[length++] = Number.parseInt(hex, 16);
    at += 2;
  }
  return bytes.subarray(0, length);
}
