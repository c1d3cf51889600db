const COLON = 0x3a;
const HYPHEN = 0x2d;
const STRING = 0x2c;
const MAP = 0x7d;
const LIST = 0x5d;
const TNETSTRING = 0x54;

/** A walk over the elements of a tnetstring that reads nothing but their lengths. */
class ElementWalk {
  /** Where the present element's content begins, and where it ends: there stands its type. */
  start = 0;
  end = 0;
  readonly #bytes: Buffer;
  #offset: number;
  readonly #limit: number;

  constructor(bytes: Buffer, offset: number, limit: number) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#limit = limit;
  }

  get atEnd(): boolean {
    return this.#offset === this.#limit;
  }

  /** Goes to the next element. Returns its type, or 0 if the bytes are not an element. */
  next(): number {
    const bytes = this.#bytes;
    let offset = this.#offset;
    let length = 0;
    for (let digit = (bytes[offset] as number) - 0x30; digit >= 0 && digit <= 9; ) {
      length = length * 10 + digit;
      offset++;
      digit = (bytes[offset] as number) - 0x30;
    }
    if (offset === this.#offset || bytes[offset] !== COLON) return 0;
    this.start = offset + 1;
    this.end = this.start + length;
    this.#offset = this.end + 1;
    return this.#offset <= this.#limit ? (bytes[this.end] as number) : 0;
  }

  /** A walk over the elements within the present one. */
  inside(): ElementWalk {
    return new ElementWalk(this.#bytes, this.start, this.end);
  }
}

/**
 * The processes that the sessions of a handler's packet belong to: what stands in front of the first hyphen of each id. The packet is
 * not read for it: the values of other fields are skipped.
 * @param known names that are likely: finding one of them makes no text of the bytes
 * @returns null if that does not tell: the packet is JSON, malformed, or has an id without a hyphen
 */
export function packetOwners(payload: Buffer, known: readonly string[]): readonly string[] | null {
  if (payload[0] !== TNETSTRING) return null;
  const packet = new ElementWalk(payload, 1, payload.length);
  if (packet.next() !== MAP || !packet.atEnd) return null;
  let owners: string[] | null = null;
  for (const fields = packet.inside(); !fields.atEnd; ) {
    if (fields.next() !== STRING) return null;
    const isId = isIdKey(payload, fields);
    const type = fields.next();
    if (type === 0) return null;
    // Of equal keys the last one counts.
    if (isId) owners = ownersIn(payload, fields, type, known);
  }
  return owners;
}

function isIdKey(bytes: Buffer, { start, end }: ElementWalk): boolean {
  return end - start === 2 && bytes[start] === 0x69 && bytes[start + 1] === 0x64;
}

/** The owners in the value of `id`: one id, or a list of maps with one each. */
function ownersIn(payload: Buffer, value: ElementWalk, type: number, known: readonly string[]): string[] | null {
  const owners: string[] = [];
  if (type === STRING) return addOwner(owners, payload, value, known) ? owners : null;
  if (type !== LIST) return null;
  for (const elements = value.inside(); !elements.atEnd; ) {
    if (elements.next() !== MAP) return null;
    for (const fields = elements.inside(); !fields.atEnd; ) {
      if (fields.next() !== STRING) return null;
      const isId = isIdKey(payload, fields);
      const of = fields.next();
      if (of === 0 || (isId && (of !== STRING || !addOwner(owners, payload, fields, known)))) return null;
    }
  }
  return owners;
}

function addOwner(owners: string[], bytes: Buffer, id: ElementWalk, known: readonly string[]): boolean {
  const { start, end } = id;
  let hyphen = start;
  while (hyphen < end && bytes[hyphen] !== HYPHEN) hyphen++;
  if (hyphen === end) return false;
  const owner = knownOwner(bytes, start, hyphen, known) ?? bytes.toString('latin1', start, hyphen);
  if (!owners.includes(owner)) owners.push(owner);
  return true;
}

function knownOwner(bytes: Buffer, start: number, end: number, known: readonly string[]): string | null {
  for (const name of known) {
    let i = 0;
    if (name.length !== end - start) continue;
    while (i < name.length && bytes[start + i] === name.charCodeAt(i)) i++;
    if (i === name.length) return name;
  }
  return null;
}
