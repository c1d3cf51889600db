import { basename, delimiter, dirname, isAbsolute, relative } from 'node:path';

/** Values that appear in the text of the demo. */
export interface DemoPlace {
  /** Address for browsers: `127.0.0.1:7999`. */
  readonly clients: string;
  /** URL of the publish endpoint. */
  readonly controlUrl: string;
  /** Whether `holdfast publish` uses `controlUrl` by default. */
  readonly isDefaultControl: boolean;
  /** The command that runs this program. */
  readonly program: string;
}

/**
 * The text that the demo prints when it is ready.
 *
 * The page reads its stream as server-sent events, and Holdfast passes on the published bytes unchanged. A terminal therefore
 * publishes a whole event: `data:` and the text, a line end and an empty line. `printf` writes that in every shell, and `@-` reads it
 * unchanged. An argument cannot end in a newline in `"$(…)"`, and can hold one in `$'…'` only in some shells.
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
