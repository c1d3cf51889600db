import type { OptionShape } from '../command-shape.ts';

/** What completes the value of an option: files, folders, the listed values, or nothing. Null for a switch. */
export type ValueKind = 'files' | 'folders' | 'choices' | 'nothing' | null;

/** Says from the name of its value what an option takes. */
export function valueKind({ value, choices }: OptionShape): ValueKind {
  if (value === null) return null;
  if (choices.length > 0) return 'choices';
  if (/^(?:file|path)$/.test(value)) return 'files';
  return value === 'folder' ? 'folders' : 'nothing';
}

/** Whether an argument of this name, such as `<file>` or `[config]`, is a file. */
export function isFileArgument(term: string): boolean {
  return /^(?:file|path|config)$/.test(term);
}

/** One line, as shells show it beside a completion. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** A word in single quotes, for every POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
