import {
  type HandlerAnswer,
  HandlerFrames,
  type HandlerMessage,
  Mongrel2Error,
  parseAnswer,
  parseHandlerMessage,
  SocketMessages,
} from '../../../../src/codec/mongrel2/index.ts';
import { WebSocketError } from '../../../../src/codec/websocket/index.ts';

/** Bounds of a case. */
export interface CaseBounds {
  readonly ids: number;
  readonly bytes: number;
}

/** What the readers make of pieces of input, one event a line, as `test/cases/mongrel2/README.md` explains. */
export function eventsOf(kind: string, pieces: readonly Buffer[], { ids, bytes }: CaseBounds): string[] {
  const events: string[] = [];
  try {
    switch (kind) {
      case 'mongrel2 message':
        events.push(...messageEvents(parseHandlerMessage(Buffer.concat(pieces))));
        break;
      case 'mongrel2 answer':
        events.push(...answerEvents(parseAnswer(Buffer.concat(pieces), ids)));
        break;
      case 'mongrel2 frames':
        readFrames(pieces, bytes, events);
        break;
      case 'mongrel2 socket':
        readSocket(pieces, bytes, events);
        break;
      default:
        throw new Error(`unknown kind of input: ${kind}`);
    }
  } catch (error) {
    events.push(...errorEvents(error));
  }
  return events;
}

function errorEvents(error: unknown): string[] {
  if (error instanceof WebSocketError) return [`error ${error.closeCode} "${error.message}"`];
  if (!(error instanceof Mongrel2Error)) throw error;
  const events = [`error ${error.kind} "${error.message}"`];
  return error.ids.length === 0 ? events : [...events, `ids ${error.ids.join(' ')}`];
}

function messageEvents({ uuid, id, path, headers, body }: HandlerMessage): string[] {
  const events = [`uuid ${uuid} id ${id} path ${path}`];
  for (const [name, value] of headers) {
    for (const each of [value].flat()) events.push(`header ${name}: ${Buffer.from(each).toString('latin1')}`);
  }
  return body.length === 0 ? events : [...events, `body "${body.toString('latin1')}"`];
}

function answerEvents({ ids, body, control }: HandlerAnswer): string[] {
  const events = [`ids ${ids.join(' ')}`];
  if (control !== null) {
    const { keepAlive, credits, cancel } = control;
    const asked = [keepAlive && 'keep-alive', credits > 0 && `credits=${credits}`, cancel && 'cancel'];
    return [...events, ['control', ...asked.filter((each) => each !== false)].join(' ')];
  }
  return [...events, body.length === 0 ? 'close' : `body "${body.toString('latin1')}"`];
}

function readFrames(pieces: readonly Buffer[], bytes: number, events: string[]): void {
  const frames = new HandlerFrames(bytes);
  for (const piece of pieces) {
    // Frames are unmasked in place.
    const input = Buffer.from(piece);
    for (let at = 0; ; ) {
      at = frames.read(input, at);
      if (!frames.found) break;
      events.push(`frame 0x${frames.flags.toString(16)} "${frames.payload.toString('latin1')}"`);
    }
  }
}

function readSocket(pieces: readonly Buffer[], bytes: number, events: string[]): void {
  const messages = new SocketMessages(bytes);
  for (const piece of pieces) {
    for (let at = 0; ; ) {
      at = messages.read(piece, at);
      const { event, path, body } = messages;
      if (event === 'none') break;
      events.push(path === '' ? event : `${event} ${path} ${body.toString('latin1')}`);
    }
  }
}
