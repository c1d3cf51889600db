import { basename, delimiter, dirname, isAbsolute, relative } from 'node:path';

/** What the text of the demo depends on. */
export interface DemoPlace {
  /** Where browsers connect: `127.0.0.1:7999`. */
  readonly clients: string;
  /** Where items are published. */
  readonly controlUrl: string;
  /** Whether `holdfast publish` finds `controlUrl` by itself. */
  readonly isDefaultControl: boolean;
  /** How this very program is called from here. */
  readonly program: string;
}

/**
 * What the demo says when it is ready.
 *
 * The page reads its stream as server-sent events, and Holdfast passes on exactly the bytes that are published: so a terminal has to
 * publish a whole event, `data:` and the text, a line end and an empty line. `printf` writes that in every shell, and `@-` takes it
 * as it is, whereas an argument cannot end in a newline in `"$(…)"` and can hold one in `$'…'` only in some shells.
 */
export function demoText({ clients, controlUrl, isDefaultControl, program }: DemoPlace): string {
  const url = `http://${clients.replace(/^(127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):/, 'localhost:')}`;
  const spec = isDefaultControl ? '' : ` --spec ${controlUrl}`;
  return [
    'Holdfast is running, with a live board behind it.',
    '',
    `  Open in two tabs       ${url}/`,
    `  Publish to the page    printf 'data: hello\\n\\n' | ${program} publish board @-${spec}`,
    `  Wait for one message   curl ${url}/next`,
    `  Watch the stream       curl -N ${url}/events`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

/** The shortest way to call the program at the absolute path `launcher` from the folder `cwd`, for pasting into a shell. */
export function programName(launcher: string, cwd: string, searchPath: string): string {
  if (searchPath.split(delimiter).includes(dirname(launcher))) return basename(launcher);
  const path = relative(cwd, launcher);
  const shown = path.startsWith('..') || isAbsolute(path) ? launcher : path;
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
