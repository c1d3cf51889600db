import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHoldfast } from '../holdfast.ts';
import { requirePeer } from '../peers.ts';
import { Program } from '../program.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** What the examples are written in. */
export const LANGUAGES = ['Node', 'Python'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The handlers of the examples' site. */
export const EXAMPLES = ['hello', 'chat', 'upload', 'echo'] as const;
export type Example = (typeof EXAMPLES)[number];

const FOLDER = fileURLToPath(new URL('../../../examples/mongrel2', import.meta.url));

/** The server of the examples' own site. */
export interface ExampleSite {
  /** Where clients connect: `127.0.0.1:PORT`. */
  readonly address: string;
  /** Where its files are. */
  readonly folder: string;
  /** The arguments of a handler. */
  readonly specs: Readonly<Record<Example, readonly [string, string]>>;
}

/** Starts `holdfast mongrel2` with the site. @param change of its text */
export async function startExampleSite(
  t: TestContext,
  change: (conf: string) => string = (conf) => conf,
): Promise<ExampleSite> {
  // Any port for clients, and endpoints in the folder: nothing else can have taken them.
  const conf = change(readFileSync(join(FOLDER, 'mongrel2.conf'), 'utf8'))
    .replace('6767', '0')
    .replace(/tcp:\/\/127\.0\.0\.1:(\d+)/g, 'ipc://at-$1');
  const folder = temporaryFolder(t, { 'mongrel2.conf': conf });
  cpSync(join(FOLDER, 'page'), join(folder, 'page'), { recursive: true });
  const { mongrel2 } = await startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd: folder }).logged('started');
  const [address = ''] = mongrel2 as string[];
  const specsOf = (port: number) => [`ipc://${folder}/at-${port}`, `ipc://${folder}/at-${port + 1}`] as const;
  const specs = { hello: specsOf(9_990), chat: specsOf(9_992), upload: specsOf(9_994), echo: specsOf(9_996) };
  return { address, folder, specs };
}

/** Starts a handler of the site, and waits until it is ready; null if the machine lacks its language. */
export async function startExampleHandler(
  t: TestContext,
  site: ExampleSite,
  language: Language,
  example: Example,
): Promise<Program | null> {
  const handler = runExampleHandler(t, language, example, site.specs[example], site.folder);
  await handler?.output(new RegExp(`^${example} is ready\\n`));
  return handler;
}

/** Starts a handler with any arguments. @param cwd where the server runs, if it writes files for it */
export function runExampleHandler(
  t: TestContext,
  language: Language,
  example: Example,
  args: readonly string[],
  cwd = temporaryFolder(t),
): Program | null {
  if (language === 'Node') {
    return new Program(t, process.execPath, [join(FOLDER, 'node', `${example}.mjs`), ...args], { cwd });
  }
  if (requirePeer(t, 'python3-zmq') === null) return null;
  // The interpreter that Debian's package belongs to.
  return new Program(t, '/usr/bin/python3', ['-B', join(FOLDER, 'python', `${example}.py`), ...args], { cwd });
}
