import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One protocol case of a Markdown document below `test/cases`; `test/cases/http1/README.md` explains the notation. */
export interface ProtocolCase {
  /** File name of the document. */
  readonly document: string;
  /** Line of the case's heading. */
  readonly line: number;
  /** The heading: a sentence that states the behaviour. */
  readonly title: string;
  /** The case's list lines `- KEY: VALUE`; the value is empty for `- KEY`. */
  readonly options: ReadonlyMap<string, string>;
  /** The info words of the input's fence, e.g. `http request`. */
  readonly kind: string;
  readonly input: Buffer;
  /** What is expected, one event a line, escapes resolved: latin1 text. */
  readonly events: readonly string[];
}

/**
 * All cases of the documents in the folder `name` below `test/cases`, in order.
 * @throws Error naming document and line for anything that is not in the notation
 */
export function readCases(name: string): ProtocolCase[] {
  const folder = fileURLToPath(new URL(`../cases/${name}/`, import.meta.url));
  const documents = readdirSync(folder).filter((file) => file.endsWith('.md'));
  return documents.sort().flatMap((file) => parseDocument(file, readFileSync(folder + file, 'utf8')));
}

/**
 * The cases of one document's text.
 * @throws Error naming document and line for anything that is not in the notation
 */
export function parseDocument(document: string, text: string): ProtocolCase[] {
  const cases: ProtocolCase[] = [];
  const lines = text.split('\n');
  let draft: Draft | null = null;
  const finish = () => {
    if (draft !== null) cases.push(complete(document, draft));
    draft = null;
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.startsWith('#')) {
      finish();
      if (line.startsWith('### ')) draft = { line: i + 1, title: line.slice(4), options: new Map(), blocks: [] };
    } else if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1);
      if (end < 0) throw new Error(`${document}:${i + 1}: the block does not end`);
      draft?.blocks.push({ info: line.slice(3), line: i + 1, lines: lines.slice(i + 1, end) });
      i = end;
    } else if (draft !== null && line.startsWith('- ')) {
      addOption(document, i + 1, draft, line.slice(2));
    }
  }
  finish();
  return cases;
}

/**
 * Resolves the escapes and repetitions of one line.
 * @throws Error for an unknown escape, a brace that repeats nothing, or a character outside ASCII
 */
export function unescapeText(text: string): string {
  const part = /\\(?:([rnt\\{])|x([0-9a-f]{2}))|\{([^{}*]+)\*(\d+)\}|[\x20-\x5b\x5d-\x7a\x7c-\x7e]/gy;
  let result = '';
  while (part.lastIndex < text.length) {
    const at = part.lastIndex;
    const match = part.exec(text);
    if (match === null) throw new Error(`not in the notation: ${text.slice(at, at + 20)}`);
    const [whole, char, hex, unit, times] = match;
    if (char !== undefined) result += CHARACTERS[char];
    else if (hex !== undefined) result += String.fromCharCode(Number.parseInt(hex, 16));
    else if (unit !== undefined) result += unescapeText(unit).repeat(Number(times));
    else result += whole;
  }
  return result;
}

/** Writes latin1 text with the escapes of the notation, so that a failed test shows what a document can hold. */
export function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what has to be escaped.
  return text.replace(/[\\{\x00-\x1f\x7f-\xff]/g, (char) => {
    const short = Object.keys(CHARACTERS).find((key) => CHARACTERS[key] === char);
    return `\\${short ?? `x${char.charCodeAt(0).toString(16).padStart(2, '0')}`}`;
  });
}

/** What the one-character escapes stand for. */
const CHARACTERS: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\', '{': '{' };

interface Block {
  readonly info: string;
  readonly line: number;
  readonly lines: readonly string[];
}

interface Draft {
  readonly line: number;
  readonly title: string;
  readonly options: Map<string, string>;
  readonly blocks: Block[];
}

function addOption(document: string, line: number, draft: Draft, text: string): void {
  const colon = text.indexOf(': ');
  const key = colon < 0 ? text : text.slice(0, colon);
  if (draft.options.has(key)) throw new Error(`${document}:${line}: a second "${key}"`);
  draft.options.set(key, colon < 0 ? '' : text.slice(colon + 2));
}

function complete(document: string, draft: Draft): ProtocolCase {
  const [input, events] = draft.blocks;
  if (input === undefined || events?.info !== 'events' || draft.blocks.length !== 2) {
    throw new Error(`${document}:${draft.line}: a case is one block of input and one of events`);
  }
  const { line, title, options } = draft;
  const bytes = resolve(document, input, inputText).join('');
  return {
    document,
    line,
    title,
    options,
    kind: input.info,
    input: Buffer.from(bytes, 'latin1'),
    events: resolve(document, events, unescapeText),
  };
}

function resolve(document: string, block: Block, read: (line: string) => string): string[] {
  return block.lines.map((line, index) => {
    try {
      return read(line);
    } catch (error) {
      throw new Error(`${document}:${block.line + 1 + index}: ${(error as Error).message}`);
    }
  });
}

/** A line of input: CRLF stands behind it unless it ends in a backslash of its own. */
function inputText(line: string): string {
  const backslashes = line.length - line.replace(/\\+$/, '').length;
  return backslashes % 2 === 1 ? unescapeText(line.slice(0, -1)) : `${unescapeText(line)}\r\n`;
}
