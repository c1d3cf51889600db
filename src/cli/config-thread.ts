// The thread that reads a configuration again, so that the event loop of the server goes on meanwhile.

import { serialize } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import type { FileIssue } from '../app/index.ts';
import { CliError, reasonOf } from './cli-error.ts';
import { type ConfigReading, type ReadRequest, readConfiguration } from './config-reading.ts';
import type { ReadFile } from './config-texts.ts';

/** Routes in one piece: some milliseconds of work for who reads it. */
const PIECE_ROUTES = 250;

/** What the thread is asked for. */
export interface ThreadRequest {
  readonly request: ReadRequest;
  /** Files that are not read again. */
  readonly known: readonly ReadFile[];
  /** A file that had content before, and is refused if it has none now. */
  readonly filled: string | null;
}

/** What it answers. */
export type ThreadAnswer =
  | {
      readonly answer: 'read';
      /** With a configuration that has no routes. */
      readonly reading: ConfigReading;
      /** The routes in order, as V8 serializes lists of them. */
      readonly routes: readonly Uint8Array<ArrayBuffer>[];
    }
  | { readonly answer: 'failed'; readonly message: string; readonly issues: readonly FileIssue[] };

parentPort?.on('message', (asked: ThreadRequest) => {
  const answer = answerTo(asked);
  const buffers = answer.answer === 'read' ? answer.routes.map(({ buffer }) => buffer) : [];
  parentPort?.postMessage(answer, buffers);
});

function answerTo({ request, known, filled }: ThreadRequest): ThreadAnswer {
  try {
    const reading = readConfiguration(request, known, filled);
    const { loaded } = reading;
    const { routes } = loaded.config;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < routes.length; at += PIECE_ROUTES) {
      // A copy: the buffers of V8 may be shared, and then they cannot be given away.
      pieces.push(new Uint8Array(serialize(routes.slice(at, at + PIECE_ROUTES))));
    }
    const config = { ...loaded.config, routes: [] };
    return { answer: 'read', reading: { ...reading, loaded: { ...loaded, config } }, routes: pieces };
  } catch (error) {
    const issues = error instanceof CliError ? error.problems : [];
    return { answer: 'failed', message: reasonOf(error), issues };
  }
}
