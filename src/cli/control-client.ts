import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { publishUrl } from '../codec/grip/index.ts';
import { beginningOf, sendRequest, withoutControls } from '../plain-http/index.ts';
import { CliError, reasonOf } from './cli-error.ts';
import type { ControlTarget } from './control-target.ts';
import { itemsRequest } from './publish-request.ts';

/** Bytes of a response that are read. */
const MAX_BODY = 67_108_864;

/** Characters of one event. */
const MAX_EVENT = 4_194_304;

/** Why most servers that lack an operation lack it. */
const NOT_RUNNING = 'the part of the program does not run there';

/** An answer of the control API. */
export interface ControlAnswer {
  readonly status: number;
  /** Null for none. */
  readonly json: unknown;
}

/** An event of a stream. */
export interface ControlEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Asks the control API of a server. */
export class ControlClient {
  readonly #target: ControlTarget;

  constructor(target: ControlTarget) {
    this.#target = target;
  }

  /**
   * Sends a request.
   * @param accepted statuses besides 200 to 299 that are answers too
   * @param absent why the server may not have the operation
   * @throws CliError that says what to do
   */
  async ask(
    method: string,
    path: string,
    accepted: readonly number[] = [],
    absent: string = NOT_RUNNING,
  ): Promise<ControlAnswer> {
    const response = await this.#send(method, path);
    const text = await wholeText(response, this.#target.name);
    const status = response.statusCode ?? 0;
    if ((status < 200 || status > 299) && !accepted.includes(status)) {
      throw this.#refusal(status, text, absent);
    }
    return { status, json: text === '' ? null : this.#parse(text) };
  }

  /**
   * The events of a stream, as they come, until it ends.
   * @throws CliError that says what to do
   */
  async *events(path: string): AsyncGenerator<ControlEvent, void> {
    const response = await this.#send('GET', path);
    const status = response.statusCode ?? 0;
    if (status !== 200) throw this.#refusal(status, await wholeText(response, this.#target.name));
    const decoder = new StringDecoder('utf8');
    let rest = '';
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        const blocks = (rest + decoder.write(chunk)).split('\n\n');
        rest = blocks.pop() ?? '';
        if (rest.length > MAX_EVENT) throw new CliError(`${this.#target.name} sends events that are too long`);
        for (const block of blocks) {
          const event = eventOf(block);
          if (event !== null) yield { event: event.name, data: this.#parse(event.data) };
        }
      }
    } catch (error) {
      // A server that stops may cut the stream.
      if (error instanceof CliError) throw error;
    } finally {
      response.destroy();
    }
  }

  /**
   * Publishes items. Resolves with the answer.
   * @param cursors whether the server is asked for the cursors of the items
   * @throws CliError that says what to do
   */
  async publish(items: readonly unknown[], cursors: boolean): Promise<string> {
    const { url, socketPath, authorization, name } = this.#target;
    const sent = { method: 'POST', socketPath, ...itemsRequest(items, authorization, cursors) };
    const response = await sendRequest(publishUrl(url), sent).catch((error) => {
      throw unreachable(name, error);
    });
    const text = await wholeText(response, name);
    if (response.statusCode !== 200) throw this.#refusal(response.statusCode ?? 0, text);
    return text;
  }

  #send(method: string, path: string): Promise<IncomingMessage> {
    const { url, socketPath, authorization, name } = this.#target;
    const headers: Record<string, string> = authorization === null ? {} : { Authorization: authorization };
    return sendRequest(new URL(path, url), { method, headers, socketPath }).catch((error) => {
      throw unreachable(name, error);
    });
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new CliError(`${this.#target.name} is not the control port of Holdfast: it does not answer with JSON`);
    }
  }

  #refusal(status: number, text: string, absent: string = NOT_RUNNING): CliError {
    const message = messageOf(text);
    const { name } = this.#target;
    switch (status) {
      case 401:
        return new CliError(
          `${name}: ${message}\ngive --user or --token, or connect over the unix socket of the server with --url unix:PATH`,
        );
      case 404:
        if (text.startsWith('{')) return new CliError(message);
        return new CliError(`${name} has no such operation: ${absent}`);
      default:
        return new CliError(`${name}: ${message}`);
    }
  }
}

/** Why a control port cannot be reached, and what to do. */
function unreachable(name: string, error: NodeJS.ErrnoException): CliError {
  const advice: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'start the server, or say with --url where its control port is',
    ENOENT: 'start the server, or say with --url where its control port is',
    EACCES: 'run this as the user of the server, or give the socket another mode or group',
    EPERM: 'run this as the user of the server, or give the socket another mode or group',
  };
  const hint = advice[error.code ?? ''];
  return new CliError(
    `cannot reach the control port at ${name}: ${reasonOf(error)}${hint === undefined ? '' : `\n${hint}`}`,
  );
}

function messageOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === 'string') return withoutControls(error.message);
  } catch {
    // It is a text.
  }
  return withoutControls(text.slice(0, 500)) || 'no reason given';
}

async function wholeText(response: IncomingMessage, name: string): Promise<string> {
  const body = await beginningOf(response, MAX_BODY + 1).catch((error) => {
    throw new CliError(`${name} broke its response off: ${reasonOf(error)}`);
  });
  if (body.length > MAX_BODY) throw new CliError(`${name} sends a response that is too long`);
  return body.toString();
}

/** @returns null for a comment */
function eventOf(block: string): { name: string; data: string } | null {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice('event: '.length);
    else if (line.startsWith('data: ')) data.push(line.slice('data: '.length));
  }
  return data.length === 0 ? null : { name, data: data.join('\n') };
}
