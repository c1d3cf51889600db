import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { App } from '../../../src/app/index.ts';
import { parseListenAddress } from '../../../src/config/index.ts';
import { StreamedResponse } from '../client.ts';
import { FakeLog } from '../fake-log.ts';
import { type Changes, configOf, RunningApp } from '../running-app.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** What came back over a control socket. */
export interface ControlReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what JSON holds is for each test to say
  readonly json: any;
}

/** A program of the control API over its unix socket, as whoever may connect there has it. */
export class ControlSocket {
  readonly path: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(t: TestContext, path: string) {
    this.path = path;
    t.after(() => this.#agent.destroy());
  }

  /** A request, and its whole response. */
  async send(method: string, path: string, body?: unknown): Promise<ControlReply> {
    const response = await this.open(method, path, body);
    await response.ended();
    const text = response.body.toString();
    return { status: response.status, json: text === '' ? null : JSON.parse(text) };
  }

  /** A request, and the head of its response. */
  open(method: string, path: string, body?: unknown): Promise<StreamedResponse> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: this.path, agent: this.#agent, method, path, headers }, (message) =>
        resolve(new StreamedResponse(message, outgoing)),
      );
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}

/** As `startApp`, with a control port on a unix socket too. */
export async function startControlled(
  t: TestContext,
  routes: readonly string[],
  changes: Changes = {},
): Promise<RunningApp & { readonly control: ControlSocket }> {
  const path = join(temporaryFolder(t), 'control.sock');
  const tcp = parseListenAddress('127.0.0.1:0');
  const listen = [tcp, parseListenAddress(`unix:${path}`)];
  const log = new FakeLog();
  const app = await App.start(configOf(routes, { ...changes, control: { ...changes.control, listen } }), log);
  t.after(() => app.stop(0));
  return Object.assign(new RunningApp(t, app, log), { control: new ControlSocket(t, path) });
}
