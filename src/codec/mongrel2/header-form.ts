import { jsonText } from './json-text.ts';

/** How headers are written: as a JSON object, or as a tnetstring dictionary. */
export type HeaderProtocol = 'json' | 'tnetstring';

/** One of the two. All texts are latin1, one character per byte. */
export interface HeaderForm {
  /** One name with its value. */
  pair(name: string, value: string): string;
  /** One name with several values. */
  list(name: string, values: readonly string[]): string;
  /**
   * All headers with their length, as a message has them.
   * @param path the pair of PATH, or the first one in a message without it
   * @param client pairs of what the client sent
   * @param pseudo pairs of what the server adds
   */
  block(path: string, client: string, pseudo: string): string;
}

/** PATH comes first and the server's pairs last: readers of JSON take the last one of equal names. */
const JSON_FORM: HeaderForm = {
  pair: (name, value) => `,"${jsonText(name)}":"${jsonText(value)}"`,
  list: (name, values) => `,"${jsonText(name)}":["${values.map(jsonText).join('","')}"]`,
  block: (path, client, pseudo) => {
    // The comma before the first pair makes way for the brace.
    const bytes = path.length + client.length + pseudo.length + 1;
    return `${bytes}:{${path.slice(1)}${client}${pseudo}},`;
  },
};

/** The server's pairs come first. */
const TNETSTRING_FORM: HeaderForm = {
  pair: (name, value) => `${name.length}:${name},${value.length}:${value},`,
  list: (name, values) => {
    let list = '';
    for (const value of values) list += `${value.length}:${value},`;
    return `${name.length}:${name},${list.length}:${list}]`;
  },
  block: (path, client, pseudo) => `${path.length + client.length + pseudo.length}:${path}${pseudo}${client}}`,
};

export const HEADER_FORMS: Readonly<Record<HeaderProtocol, HeaderForm>> = {
  json: JSON_FORM,
  tnetstring: TNETSTRING_FORM,
};
