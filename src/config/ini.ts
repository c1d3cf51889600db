/** One `KEY=VALUE` of an INI text. */
export interface IniEntry {
  /** Name in the brackets above it; empty without one. */
  readonly section: string;
  readonly key: string;
  /** The parts of the value between commas, without surrounding white space. Empty parts are kept only if quoted. */
  readonly values: readonly string[];
  /** From 1. */
  readonly line: number;
}

/** A line that is neither a section nor an entry. */
export interface IniFault {
  readonly line: number;
  readonly message: string;
}

/** The content of an INI text, in the order of its lines. */
export interface Ini {
  readonly entries: readonly IniEntry[];
  readonly faults: readonly IniFault[];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/**
 * Parses INI in the dialect of Qt's settings: `;` and `#` start comments at the beginning of a line, and `;` also after a value. Quotes keep
 * commas, semicolons and white space; `\n`, `\t`, `\"`, `\\` and `\xHH` are escapes, and a backslash at the end of a line continues it on
 * the next one.
 */
export function readIni(text: string): Ini {
  const entries: IniEntry[] = [];
  const faults: IniFault[] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  let section = '';
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    let content = (lines[i] as string).trim();
    if (/^$|^[;#]/.test(content)) continue;
    // Backslashes in pairs are literal.
    while (/(?:^|[^\\])(?:\\\\)*\\$/.test(content) && i + 1 < lines.length) {
      content = content.slice(0, -1) + (lines[++i] as string).trimEnd();
    }
    const header = /^\[([^\]]*)\]/.exec(content);
    const equals = content.indexOf('=');
    if (header !== null) {
      section = (header[1] as string).trim();
    } else if (equals <= 0) {
      faults.push({ line, message: 'neither KEY=VALUE nor [SECTION]' });
    } else {
      const values = readValues(content.slice(equals + 1));
      if (values === null) faults.push({ line, message: 'unterminated quote' });
      else entries.push({ section, key: content.slice(0, equals).trim(), values, line });
    }
  }
  return { entries, faults };
}

/** The parts of a value; null when a quote is left open. */
function readValues(text: string): string[] | null {
  const values: string[] = [];
  let value = '';
  /** The parts of `value` that must not be trimmed: those quoted or escaped. */
  let kept = 0;
  let wasQuoted = false;
  let inQuotes = false;
  const finish = () => {
    value = value.slice(0, kept) + value.slice(kept).trimEnd();
    if (value !== '' || wasQuoted) values.push(value);
    value = '';
    kept = 0;
    wasQuoted = false;
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '"') {
      inQuotes = !inQuotes;
      wasQuoted = true;
      kept = value.length;
    } else if (char === '\\') {
      const hex = /^x([0-9a-f]{1,4})/i.exec(text.slice(i + 1));
      const escaped = text[i + 1] ?? '';
      value +=
        hex === null ? (ESCAPES[escaped] ?? escaped) : String.fromCharCode(Number.parseInt(hex[1] as string, 16));
      i += hex === null ? 1 : hex[0].length;
      kept = value.length;
    } else if (inQuotes) {
      value += char;
      kept = value.length;
    } else if (char === ';') {
      break;
    } else if (char === ',') {
      finish();
    } else if (value !== '' || !/\s/.test(char)) {
      value += char;
    }
  }
  finish();
  return inQuotes ? null : values;
}
