/** What can be published here. */
export const FORMATS = ['http-stream', 'http-response', 'ws-message'] as const;

export type Format = (typeof FORMATS)[number];

/** What the form has. */
export interface Wanted {
  readonly channel: string;
  readonly format: Format;
  readonly content: string;
  /** For `http-stream`: the content is the data of an event. */
  readonly asEvent: boolean;
  /** Empty for none. */
  readonly id: string;
  readonly prevId: string;
  /** For `http-response`. */
  readonly code: number;
  /** Empty for none. */
  readonly type: string;
}

/** The item to be published. */
export function itemOf({ channel, format, content, asEvent, id, prevId, code, type }: Wanted): object {
  const formats: Record<Format, object> = {
    'http-stream': { content: asEvent ? eventOf(content) : content },
    'http-response': { code, headers: type === '' ? {} : { 'Content-Type': type }, body: content },
    'ws-message': { content },
  };
  return {
    channel,
    ...(id !== '' && { id }),
    ...(prevId !== '' && { 'prev-id': prevId }),
    formats: { [format]: formats[format] },
  };
}

/** An event of an EventSource: each line of its data begins with `data:`, and an empty line ends it. */
function eventOf(content: string): string {
  const lines = content.split(/\r\n|\r|\n/);
  return `${lines.map((line) => `data: ${line}\n`).join('')}\n`;
}
