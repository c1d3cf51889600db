import { dirname } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requirePeer } from './peers.ts';
import { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What the examples of handlers are written in. */
export type Language = 'Node' | 'Python';

export const LANGUAGES: readonly Language[] = ['Node', 'Python'];

const NODE = fileURLToPath(new URL('../../examples/zhttp/node/zhttp.mjs', import.meta.url));
const PYTHON = fileURLToPath(new URL('../../examples/zhttp/python/zhttp.py', import.meta.url));

/**
 * Starts an example and waits until it is connected. `name` is that of the file without extension, with hyphens. Null, and
 * the test is marked as skipped, if the language is missing outside of CI.
 */
export async function startExample(
  t: TestContext,
  language: Language,
  name: string,
  args: readonly string[],
): Promise<Program | null> {
  const file =
    language === 'Node' ? `${dirname(NODE)}/${name}.mjs` : `${dirname(PYTHON)}/${name.replaceAll('-', '_')}.py`;
  return launch(t, language, file, args);
}

/** As `startExample`, with a handler of the test's own that is written on top of the examples' shared module. */
export function startHandler(
  t: TestContext,
  sources: Readonly<Record<Language, string>>,
  language: Language,
  args: readonly string[],
): Promise<Program | null> {
  const folder = temporaryFolder(t, {
    'handler.mjs': sources.Node.replace("'./zhttp.mjs'", JSON.stringify(new URL(`file://${NODE}`).href)),
    'handler.py': sources.Python,
  });
  return launch(t, language, `${folder}/${language === 'Node' ? 'handler.mjs' : 'handler.py'}`, args);
}

async function launch(
  t: TestContext,
  language: Language,
  file: string,
  args: readonly string[],
): Promise<Program | null> {
  if (language === 'Python' && requirePeer(t, 'python3-zmq') === null) return null;
  // The interpreter that Debian's package belongs to.
  const interpreter = language === 'Node' ? process.execPath : '/usr/bin/python3';
  const env = { PYTHONPATH: dirname(PYTHON), PYTHONDONTWRITEBYTECODE: '1' };
  const program = new Program(t, interpreter, [file, ...args], { env });
  await program.output(/ is ready\n/);
  return program;
}
