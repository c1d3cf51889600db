import type { TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { requirePeer } from './peers.ts';
import { Program, type Surroundings } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What the examples are written in. */
export type Language = 'Node' | 'Python';

export const LANGUAGES: readonly Language[] = ['Node', 'Python'];

const NODE = fileURLToPath(new URL('../../examples/zhttp/node', import.meta.url));
const PYTHON = fileURLToPath(new URL('../../examples/zhttp/python', import.meta.url));

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
  const program = runExample(t, language, name, args);
  await program?.output(/ is ready\n/);
  return program;
}

/** As `startExample`, of an example that does not say when it is connected: it is only started. */
export function runExample(
  t: TestContext,
  language: Language,
  name: string,
  args: readonly string[],
  input: Surroundings['input'] = '',
): Program | null {
  const file = language === 'Node' ? `${NODE}/${name}.mjs` : `${PYTHON}/${name.replaceAll('-', '_')}.py`;
  return launch(t, language, file, args, input);
}

/** As `startExample`, with a program of the test's own that is written on top of the examples' shared modules. */
export async function startHandler(
  t: TestContext,
  sources: Readonly<Record<Language, string>>,
  language: Language,
  args: readonly string[],
): Promise<Program | null> {
  const folder = temporaryFolder(t, {
    'handler.mjs': sources.Node.replace(/'\.\/(\w+\.mjs)'/g, (_, name) =>
      JSON.stringify(pathToFileURL(`${NODE}/${name}`).href),
    ),
    'handler.py': sources.Python,
  });
  const program = launch(t, language, `${folder}/${language === 'Node' ? 'handler.mjs' : 'handler.py'}`, args);
  await program?.output(/ is ready\n/);
  return program;
}

function launch(
  t: TestContext,
  language: Language,
  file: string,
  args: readonly string[],
  input: Surroundings['input'] = '',
): Program | null {
  if (language === 'Python' && requirePeer(t, 'python3-zmq') === null) return null;
  // The interpreter that Debian's package belongs to.
  const interpreter = language === 'Node' ? process.execPath : '/usr/bin/python3';
  const env = { PYTHONPATH: PYTHON, PYTHONDONTWRITEBYTECODE: '1' };
  return new Program(t, interpreter, [file, ...args], { env, input });
}
