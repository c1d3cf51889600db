import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './temporary-folder.ts';

/** How a process ended. */
export interface Ended {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a process may need besides its arguments. */
export interface Surroundings {
  /** Working directory; by default an empty one. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the process can read from its standard input; nothing by default. Of a stream, what the test writes to it. */
  readonly input?: string | Buffer | Readable;
}

/** A process under test: its output can be waited for. It is killed when the test is over, if it still runs. */
export class Program {
  /** Settles when the process is gone and all its output is here. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #seekers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #over = false;

  constructor(t: TestContext, file: string, args: readonly string[], surroundings: Surroundings = {}) {
    const { cwd = temporaryFolder(t), env = {}, input = '' } = surroundings;
    // What concerns the test runner must not reach the program, nor what the developer's shell has set for another one.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|NODE_|GRIP_URL$|CI$|FORCE_COLOR$)/.test(name),
    );
    const child = spawn(file, args, { cwd, env: { ...Object.fromEntries(inherited), ...env } });
    this.#child = child;
    t.after(() => this.kill('SIGKILL'));
    child.stdin.on('error', () => {});
    if (typeof input === 'string' || Buffer.isBuffer(input)) child.stdin.end(input);
    else input.pipe(child.stdin);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#look();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#look();
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#over = true;
        this.#look();
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What the process has written to its standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<Ended> {
    this.kill('SIGTERM');
    return this.ended;
  }

  /** The match of `pattern` in all that the process writes to its standard output. Rejects if it ends without. */
  output(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#seek(String(pattern), () => pattern.exec(this.#stdout));
  }

  /** The first record with this message in the process's log of JSON lines for which `fits` holds. Rejects if it ends without. */
  logged(message: string, fits: (record: LogRecord) => boolean = () => true): Promise<LogRecord> {
    return this.#seek(`log record "${message}"`, () => {
      return this.log().find((record) => record.msg === message && fits(record)) ?? null;
    });
  }

  /** The log records so far. Other lines on standard output are left out. */
  log(): LogRecord[] {
    const lines = this.#stdout.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogRecord);
  }

  /** What it has logged of its own defects. */
  errors(): LogRecord[] {
    return this.log().filter(({ level }) => level === 'error');
  }

  #seek<T>(what: string, look: () => T | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const seek = () => {
        const found = look();
        if (found === null && !this.#over) return;
        this.#seekers.delete(seek);
        if (found !== null) resolve(found);
        else reject(new Error(`the process ended without ${what}:\n${this.#stdout}${this.#stderr}`));
      };
      this.#seekers.add(seek);
      seek();
    });
  }

  #look(): void {
    for (const seek of [...this.#seekers]) seek();
  }
}

/** A line of the log. */
export interface LogRecord {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}
