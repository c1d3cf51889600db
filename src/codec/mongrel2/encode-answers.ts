import { encode, type TnetstringInput } from '../tnetstring/index.ts';

/** Connections that Mongrel2 accepts in one answer, unless `limits.handler_targets` says otherwise. */
export const MAX_ANSWER_IDS = 128;

/**
 * Writes one body for connections, in as many messages as it takes.
 * @param uuid the server's `send_ident`, from a request
 * @param body bytes that each client gets as they are; empty to close them. Not copied: a piece of its own in each message
 * @returns the pieces of each message
 */
export function encodeAnswers(uuid: string, ids: readonly number[], body: Buffer): (readonly Buffer[])[] {
  return heads(uuid, ids, '').map((head) => (body.length === 0 ? [head] : [head, body]));
}

/** What `encodeControls` asks the server for. */
export interface ControlRequest {
  /** The connections count as active. */
  readonly keepAlive?: boolean;
  /** Bytes of an upload that the handler takes beyond those granted before. */
  readonly credits?: number;
  /** The connections are closed at once, without a notice. */
  readonly cancel?: boolean;
}

/** Writes extended answers with the key `ctl`, as `encodeAnswers`. */
export function encodeControls(uuid: string, ids: readonly number[], request: ControlRequest): (readonly Buffer[])[] {
  const { keepAlive = false, credits = 0, cancel = false } = request;
  const members: Record<string, TnetstringInput> = {};
  if (keepAlive) members['keep-alive'] = true;
  if (credits > 0) members.credits = credits;
  if (cancel) members.cancel = true;
  const body = encode(['ctl', members]);
  return heads(uuid, ids, 'X ').map((head) => [head, body]);
}

function heads(uuid: string, ids: readonly number[], mark: string): Buffer[] {
  const written: Buffer[] = [];
  for (let from = 0; from < ids.length; from += MAX_ANSWER_IDS) {
    const list = mark + ids.slice(from, from + MAX_ANSWER_IDS).join(' ');
    written.push(Buffer.from(`${uuid} ${list.length}:${list}, `, 'latin1'));
  }
  return written;
}
