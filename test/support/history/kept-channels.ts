import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { App } from '../../../src/app/index.ts';
import { loadConfig } from '../../../src/config/index.ts';
import type { StreamedResponse } from '../client.ts';
import { ControlSocket } from '../control/control-socket.ts';
import { FakeLog } from '../fake-log.ts';
import { startOrigin } from '../origin.ts';
import { eventually, RunningApp } from '../running-app.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** Channels of three items, which the tests use. */
export const THREE_ITEMS = '[[channel]]\nmatch = ">"\nhistory_items = 3\n';

/** An origin that holds clients as the query says: `c` is the value of Grip-Channel, `h` the mode. */
export function startHoldingOrigin(t: TestContext): Promise<string> {
  return startOrigin(t, (request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const mode = query.get('h') ?? 'stream';
    const type = mode === 'stream' ? 'text/event-stream' : 'text/plain';
    response.writeHead(200, { 'Content-Type': type, 'Grip-Hold': mode, 'Grip-Channel': query.get('c') ?? 'a' });
    response.end(mode === 'stream' ? '' : 'nothing new');
  });
}

/** Starts a server in this process with one route. @param sections more of its configuration, as TOML */
export async function startKeeping(t: TestContext, sections: string, origin?: string, route = ''): Promise<KeepingRig> {
  const target = origin ?? (await startHoldingOrigin(t));
  const listen = 'listen = ["127.0.0.1:0"]';
  const socket = join(temporaryFolder(t), 'control.sock');
  const control = `listen = ["127.0.0.1:0", "unix:${socket}"]`;
  const text = `[server]\n${listen}\n[control]\n${control}\n${sections}\n[[route]]\nhost = "*"\ntargets = ["${target}"]\n${route}\n`;
  const log = new FakeLog();
  const app = await App.start(loadConfig(text, 'test.toml'), log);
  t.after(() => app.stop(0));
  return new KeepingRig(new RunningApp(t, app, log), target, new ControlSocket(t, socket));
}

/** A server that keeps items, and clients for it. */
export class KeepingRig {
  readonly app: RunningApp;
  /** The origin. */
  readonly target: string;
  readonly control: ControlSocket;

  constructor(app: RunningApp, target: string, control: ControlSocket) {
    this.app = app;
    this.target = target;
    this.control = control;
  }

  /** An event stream. @param id of the last event that the client has; null for none */
  stream(channels: string, id: string | null = null, query = ''): Promise<StreamedResponse> {
    const headers: Record<string, string> = id === null ? {} : { 'Last-Event-ID': id };
    return this.app.stream({ path: `/?c=${encodeURIComponent(channels)}${query}`, headers });
  }

  /** Publishes an event for each of the texts. */
  async publish(channel: string, ...texts: readonly string[]): Promise<void> {
    await this.app.publishStream(channel, ...texts.map((text) => `data: ${text}\n\n`));
  }
}

/** Resolves when a client has got this text. */
export async function got(client: StreamedResponse, text: string): Promise<string> {
  await eventually(() => client.text.includes(text));
  return client.text;
}

/** The last id in the text of an event stream. */
export function cursorIn(text: string): string {
  return [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? assert.fail('no id');
}

/** What the events of a text say. */
export function dataOf(text: string): string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1] ?? '');
}
