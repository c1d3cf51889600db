import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startHoldfast } from './holdfast.ts';
import type { LogRecord, Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What the control port has answered. */
export interface ControlAnswer {
  readonly status: number;
  /** Null without a body in JSON. */
  readonly json: Record<string, unknown> | null;
}

/** A server whose configuration can be written, with a control port on a unix socket. */
export class Reloading {
  readonly folder: string;
  readonly program: Program;
  /** Where clients connect. */
  address = '';
  #reloads = 0;

  constructor(folder: string, program: Program) {
    this.folder = folder;
    this.program = program;
  }

  /** Writes the configuration. Its control port and addresses stay. */
  write(toml: string): void {
    writeFileSync(join(this.folder, 'holdfast.toml'), COMMON + toml);
  }

  /** Sends SIGHUP, and waits for the record of the reload, whether it did anything or not. */
  async reload(): Promise<LogRecord> {
    this.program.kill('SIGHUP');
    return this.next();
  }

  /** The record of the reload after those that were waited for. */
  async next(): Promise<LogRecord> {
    const number = this.#reloads++;
    const outcomes = () => this.program.log().filter(({ msg }) => OUTCOMES.includes(msg));
    const isNext = (record: LogRecord) => outcomes()[number]?.time === record.time;
    const [done, failed] = OUTCOMES.map((message) => this.program.logged(message, isNext));
    // The other one rejects when the process ends.
    done?.catch(() => {});
    failed?.catch(() => {});
    return Promise.race([done as Promise<LogRecord>, failed as Promise<LogRecord>]);
  }

  /** Asks the control port over its socket, where everything is allowed. */
  async ask(method: string, path: string, body?: unknown): Promise<ControlAnswer> {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const sent = request({ socketPath: join(this.folder, 'control'), method, path, headers });
    sent.end(body === undefined ? '' : JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode ?? 0, json: text.startsWith('{') ? JSON.parse(text) : null };
  }
}

const OUTCOMES = ['configuration reloaded', 'configuration not reloaded'];

const COMMON = '[control]\nlisten = ["unix:control"]\n[state]\ndir = "state"\n';

/** Starts a server with this configuration in a folder with these files. */
export async function startReloading(
  t: TestContext,
  toml: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Reloading> {
  const folder = temporaryFolder(t, { ...files, 'holdfast.toml': COMMON + toml });
  const program = startHoldfast(t, ['run', '--port', '127.0.0.1:0'], { cwd: folder });
  const rig = new Reloading(folder, program);
  rig.address = ((await program.logged('started')).clients as string[])[0] ?? '';
  return rig;
}
