import { BYTES, ElementReader, LIST, MAP, TnetstringError } from '../tnetstring/index.ts';

const HYPHEN = 0x2d;
const TNETSTRING = 0x54;

/**
 * What the ids in a packet begin with, up to the first hyphen: each prefix once. This costs a quarter of `packetNames`, because other keys
 * are not looked up and no id is made a text.
 * @param known prefixes that are likely: finding one of them makes no text either
 * @returns null if that does not tell: the packet is JSON, malformed, or has an id without a hyphen
 */
export function idPrefixes(payload: Buffer, known: readonly string[]): readonly string[] | null {
  if (payload[0] !== TNETSTRING) return null;
  const reader = new ElementReader(payload);
  try {
    const isWhole = reader.read(1, payload.length) === payload.length;
    return isWhole && reader.type === MAP ? prefixesOf(reader, known) : null;
  } catch (error) {
    if (error instanceof TnetstringError) return null;
    throw error;
  }
}

/** @param reader at the map of the packet */
function prefixesOf(reader: ElementReader, known: readonly string[]): readonly string[] | null {
  const { end } = reader;
  let prefixes: string[] = [];
  for (let at = reader.start; at < end; ) {
    const value = reader.read(at, end);
    const isId = isIdKey(reader);
    at = reader.read(value, end);
    if (!isId) continue;
    // Of equal keys the last one counts.
    prefixes = [];
    if (!addIds(prefixes, reader, known)) return null;
  }
  return prefixes;
}

function isIdKey({ buffer, type, start, end }: ElementReader): boolean {
  return type === BYTES && end - start === 2 && buffer[start] === 0x69 && buffer[start + 1] === 0x64;
}

/** @param reader at the value of `id`: one id, or a list of maps with one each */
function addIds(prefixes: string[], reader: ElementReader, known: readonly string[]): boolean {
  if (reader.type === BYTES) return addPrefix(prefixes, reader, known);
  return reader.type === LIST && addListed(prefixes, reader, known);
}

function addListed(prefixes: string[], reader: ElementReader, known: readonly string[]): boolean {
  const { end } = reader;
  for (let at = reader.start; at < end; ) {
    at = reader.read(at, end);
    if (reader.type !== MAP || !addMapped(prefixes, reader, known)) return false;
  }
  return true;
}

function addMapped(prefixes: string[], reader: ElementReader, known: readonly string[]): boolean {
  const { end } = reader;
  for (let at = reader.start; at < end; ) {
    const value = reader.read(at, end);
    const isId = isIdKey(reader);
    at = reader.read(value, end);
    if (isId && (reader.type !== BYTES || !addPrefix(prefixes, reader, known))) return false;
  }
  return true;
}

/** @param reader at an id */
function addPrefix(prefixes: string[], { buffer, start, end }: ElementReader, known: readonly string[]): boolean {
  let hyphen = start;
  while (hyphen < end && buffer[hyphen] !== HYPHEN) hyphen++;
  if (hyphen === end) return false;
  const prefix = knownPrefix(buffer, start, hyphen, known) ?? buffer.toString('latin1', start, hyphen);
  if (!prefixes.includes(prefix)) prefixes.push(prefix);
  return true;
}

function knownPrefix(bytes: Buffer, start: number, end: number, known: readonly string[]): string | null {
  for (const prefix of known) {
    let i = 0;
    if (prefix.length !== end - start) continue;
    while (i < prefix.length && bytes[start + i] === prefix.charCodeAt(i)) i++;
    if (i === prefix.length) return prefix;
  }
  return null;
}
