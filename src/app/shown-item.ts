import type { HttpResponseFormat, PublishItem, WsMessageFormat } from '../codec/grip/index.ts';
import type { HistoryItem, TappedItem } from '../control/index.ts';

/** Bytes of a format that a tap shows. */
const SHOWN = 4_096;

/** A format, and its whole content. */
interface Content {
  readonly name: string;
  readonly action: string;
  readonly content: Buffer;
}

/** An item that is being published, with the beginning of each content. */
export function tappedItem(item: PublishItem): Omit<TappedItem, 'receivers'> {
  const formats: TappedItem['formats'] = {};
  for (const { name, action, content } of contentsOf(item)) {
    const cut = content.length > SHOWN;
    formats[name] = { ...shown(cut ? content.subarray(0, SHOWN) : content, cut), action, bytes: content.length, cut };
  }
  return { time: new Date().toISOString(), ...outlineOf(item), formats, bytes: bytesOf(formats) };
}

/** An item that is kept, whole. */
export function historyItem(item: PublishItem, cursor: string, time: number): HistoryItem {
  const formats: HistoryItem['formats'] = {};
  for (const { name, action, content } of contentsOf(item)) {
    formats[name] = { ...shown(content, false), action, bytes: content.length };
  }
  return { cursor, time: new Date(time).toISOString(), ...outlineOf(item), formats, bytes: bytesOf(formats) };
}

function outlineOf({ channel, id, prevId }: PublishItem): Pick<PublishItem, 'channel' | 'id' | 'prevId'> {
  return { channel, id, prevId };
}

function bytesOf(formats: HistoryItem['formats']): number {
  return Object.values(formats).reduce((sum, { bytes }) => sum + bytes, 0);
}

function contentsOf({ httpResponse, httpStream, wsMessage }: PublishItem): readonly Content[] {
  return [
    ...(httpResponse === null
      ? []
      : [{ name: 'http-response', action: httpResponse.action, content: bodyOf(httpResponse) }]),
    ...(httpStream === null ? [] : [{ name: 'http-stream', action: httpStream.action, content: httpStream.content }]),
    ...(wsMessage === null ? [] : [{ name: 'ws-message', action: actionOf(wsMessage), content: wsMessage.content }]),
  ];
}

function bodyOf({ body, bodyPatch }: HttpResponseFormat): Buffer {
  return bodyPatch === null ? body : Buffer.from(JSON.stringify(bodyPatch));
}

function actionOf({ action, type }: WsMessageFormat): string {
  return action === 'send' ? type : action;
}

/** @param cut whether it is the beginning of a longer content */
function shown(part: Buffer, cut: boolean): { readonly text: string } | { readonly base64: string } {
  const text = textOf(part, cut);
  return text === null ? { base64: part.toString('base64') } : { text };
}

/** @returns null for what is not UTF-8; a character that the cut has gone through does not count */
function textOf(part: Buffer, cut: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(part, { stream: cut });
  } catch {
    return null;
  }
}
