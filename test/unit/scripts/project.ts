import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const MANIFEST = { name: 'small', type: 'module' };

/** A package that exports one of its modules. */
export const EXPORTING: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ ...MANIFEST, exports: { '.': './dist/room/a.js' } }),
};

/** It asks for nothing. */
const LOCK = { name: 'small', lockfileVersion: 3, requires: true, packages: { '': { name: 'small' } } };

/** What makes a project depend on the package in its folder `part`, so that npm needs no registry. */
export const DEPENDENT: Readonly<Record<string, string>> = {
  'part/package.json': JSON.stringify({ name: 'part', version: '1.0.0' }),
  'package.json': JSON.stringify({ ...MANIFEST, dependencies: { part: 'file:part' } }),
  'package-lock.json': JSON.stringify({
    ...LOCK,
    packages: {
      '': { name: 'small', dependencies: { part: 'file:part' } },
      'node_modules/part': { resolved: 'part', link: true },
      part: { version: '1.0.0' },
    },
  }),
};

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** A small project in a folder of its own, with copies of the real scripts and launcher. Removed after the test. */
export class Project {
  readonly root: string;

  constructor(t: TestContext, files: Readonly<Record<string, string>>) {
    this.root = mkdtempSync(join(realpathSync(tmpdir()), 'holdfast-'));
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
    for (const folder of ['scripts', 'bin']) cpSync(join(ROOT, folder), join(this.root, folder), { recursive: true });
    for (const config of ['tsconfig.json', 'tsconfig.build.json']) cpSync(join(ROOT, config), join(this.root, config));
    this.write('package.json', JSON.stringify(MANIFEST));
    this.write('package-lock.json', JSON.stringify(LOCK));
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** Lends it the compiler, the bundler and tsx, of which npm knows nothing. */
  withTools(): this {
    mkdirSync(join(this.root, 'node_modules'), { recursive: true });
    for (const name of ['typescript', 'rolldown', 'tsx', '@types']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(this.root, 'node_modules', name));
    }
    return this;
  }

  /** Runs Node with these arguments in it. `onOutput` sees everything said so far, and may signal the process. */
  run(args: readonly string[], onOutput?: (output: string, kill: () => void) => void): Promise<Ran> {
    return this.runProgram(process.execPath, args, onOutput);
  }

  /** As `run`, for any program. */
  runProgram(
    file: string,
    args: readonly string[],
    onOutput: (output: string, kill: () => void) => void = () => {},
  ): Promise<Ran> {
    // Neither the npm nor the test runner that runs this test may reach the ones inside.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|CI$|FORCE_COLOR$)/.test(name)),
    );
    const child = spawn(file, args, { cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (data: Buffer): void => {
      output += data.toString();
      onOutput(output, () => child.kill('SIGTERM'));
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
  }
}
