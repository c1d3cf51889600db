import type { LineOf } from './key-lines.ts';

/** One problem at a path of names and indices, such as `['route', 0, 'path_beg']`. */
export interface PathIssue {
  readonly path: readonly PropertyKey[];
  /** Another key that the problem is about. It gives the line if the first one is not in the file. */
  readonly other?: readonly PropertyKey[];
  readonly message: string;
}

/** One problem with a configuration. */
export interface ConfigIssue {
  /** The key it is about, such as `server.header_timeout` or `route[0].targets[1]` (indices start at 0); empty for the text as a whole. */
  readonly key: string;
  /** Line of the file, from 1; null without a file or a place in it. */
  readonly line: number | null;
  /** Column of the line, from 1. Absent where only the line is known. */
  readonly column?: number | null;
  /** What is wrong and what was expected, as part of a sentence. Never contains a secret. */
  readonly message: string;
}

/** An invalid configuration, with all its problems at once. The message has one line per issue. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly issues: readonly ConfigIssue[];
  /** The file that it is about; empty without one. */
  readonly file: string;

  /** `fileName` starts every line of the message; empty without a file. */
  constructor(fileName: string, issues: readonly ConfigIssue[]) {
    super(issues.map((issue) => issueText(fileName, issue)).join('\n'));
    this.issues = issues;
    this.file = fileName;
  }
}

/** A `ConfigError` with a single issue about a whole text, such as one address. */
export function textError(message: string): ConfigError {
  return new ConfigError('', [{ key: '', line: null, message }]);
}

/** A `ConfigError` with these issues, in the order of their lines. */
export function pathsError(issues: readonly PathIssue[], fileName = '', lineOf: LineOf = () => null): ConfigError {
  const located = issues.map(({ path, other, message }) => {
    const line = lineOf(path) ?? (other === undefined ? null : lineOf(other));
    return { key: keyName(path), line, message };
  });
  return new ConfigError(
    fileName,
    located.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

/** The key of an issue as people write it: `['route', 0, 'path_beg']` is `route[0].path_beg`. */
export function keyName(path: readonly PropertyKey[]): string {
  let name = '';
  for (const part of path) {
    if (typeof part === 'number') name += `[${part}]`;
    else
      name += (name === '' ? '' : '.') + (/^[\w-]+$/.test(String(part)) ? String(part) : JSON.stringify(String(part)));
  }
  return name;
}

/** An issue as a line of text, which begins with the file and the place in it. `fileName` may be empty. */
export function issueText(fileName: string, issue: ConfigIssue): string {
  const place = [fileName, issue.line, issue.column].filter((part) => (part ?? '') !== '').join(':');
  return [place, issue.key, issue.message].filter((part) => part !== '').join(': ');
}
