/** Finds the line of a key: its own, or that of the nearest enclosing table written in the text; null without one. */
export type LineOf = (path: readonly PropertyKey[]) => number | null;

/**
 * Finds the lines of the keys of a TOML text, which the parser does not report. `toml` must have been parsed without error before, so nothing
 * is checked here. Elements of lists and of arrays of tables have their index in the path.
 */
export function keyLines(toml: string): LineOf {
  const scanner = new KeyScanner(toml);
  scanner.scan();
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const line = scanner.lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return null;
  };
}

type Path = (string | number)[];

class KeyScanner {
  /** Line of the first mention of each path. */
  readonly lines = new Map<string, number>();
  /** Tables seen so far in each array of tables. */
  readonly #tables = new Map<string, number>();
  readonly #text: string;
  #at = 0;
  /** Line of the text at `#lineCountedTo`. */
  #line = 1;
  #lineCountedTo = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): void {
    let table: Path = [];
    for (this.#skip(/[\s\uFEFF]|#.*/y); this.#at < this.#text.length; this.#skip(/\s|#.*/y)) {
      const start = this.#at;
      if (this.#text[start] === '[') {
        const isArray = this.#text[start + 1] === '[';
        this.#at += isArray ? 2 : 1;
        table = this.#tablePath(this.#keys(), isArray);
        this.#at += isArray ? 2 : 1;
        this.#note(table, start);
      } else {
        this.#keyAndValue(table);
      }
    }
  }

  /** The path of a `[table]` or `[[array of tables]]` header: names of arrays of tables stand for their last element so far. */
  #tablePath(keys: string[], isArray: boolean): Path {
    const path: Path = [];
    keys.forEach((key, i) => {
      path.push(key);
      const id = JSON.stringify(path);
      const count = this.#tables.get(id);
      if (isArray && i === keys.length - 1) {
        this.#tables.set(id, (count ?? 0) + 1);
        path.push(count ?? 0);
      } else if (count !== undefined) {
        path.push(count - 1);
      }
    });
    return path;
  }

  #keyAndValue(table: Path): void {
    const start = this.#at;
    const path = [...table, ...this.#keys()];
    this.#note(path, start);
    this.#at++; // the equals sign
    this.#skip(/\s/y);
    this.#value(path);
  }

  /** A dotted key, up to its `=` or `]`. A quoted part with escapes stays as written: the line of its table is found instead. */
  #keys(): string[] {
    const keys: string[] = [];
    for (;;) {
      this.#skip(/[\s.]/y);
      const char = this.#text[this.#at];
      if (char === '=' || char === ']' || char === undefined) return keys;
      const start = this.#at;
      if (char === '"' || char === "'") {
        this.#string(char);
        keys.push(this.#text.slice(start + 1, this.#at - 1));
      } else {
        this.#skip(/[^\s.=\]]/y);
        keys.push(this.#text.slice(start, this.#at));
      }
    }
  }

  #value(path: Path): void {
    const char = this.#text[this.#at];
    if (char === '"' || char === "'") this.#string(char);
    else if (char === '[') this.#list(path, ']', (index) => this.#element([...path, index]));
    else if (char === '{') this.#list(path, '}', () => this.#keyAndValue(path));
    else {
      this.#at++;
      this.#skip(/[^\s,\]}#]| (?=\d)/y); // a date and its time may have a space between them
    }
  }

  #list(path: Path, end: string, item: (index: number) => void): void {
    this.#note(path, this.#at++);
    for (let index = 0; ; index++) {
      this.#skip(/[\s,]|#.*/y);
      if (this.#at >= this.#text.length || this.#text[this.#at] === end) break;
      item(index);
    }
    this.#at++;
  }

  #element(path: Path): void {
    this.#note(path, this.#at);
    this.#value(path);
  }

  /** Moves past a string of any of TOML's four kinds. */
  #string(quote: string): void {
    const long = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = long ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#at += end.length;
    // One or two quotes before the closing three belong to the string.
    while (long && this.#text[this.#at] === quote) this.#at++;
  }

  /** Moves past what the sticky `pattern` matches here. */
  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    while (pattern.test(this.#text)) this.#at = pattern.lastIndex;
  }

  /** Offsets must never decrease. */
  #note(path: Path, offset: number): void {
    for (; this.#lineCountedTo < offset; this.#lineCountedTo++) {
      if (this.#text[this.#lineCountedTo] === '\n') this.#line++;
    }
    for (let length = 1; length <= path.length; length++) {
      const id = JSON.stringify(path.slice(0, length));
      if (!this.lines.has(id)) this.lines.set(id, this.#line);
    }
  }
}
