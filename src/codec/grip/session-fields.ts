import { type FieldList, fieldValue, fieldValues } from '../fields/index.ts';
import { decodeHeaderText } from './header-text.ts';
import { stringIn } from './json-pointer.ts';
import { leadingText, listElements, parseParameters, trailingParameters } from './parameters.ts';
import { parseJson } from './parse-json.ts';
import { stringMap } from './string-map.ts';

/** How the session of a request is found (GRIP `Grip-Session-Detect`). */
export interface SessionRule {
  /** Host of the requests, without port. */
  readonly domain: string;
  /** Beginning of their paths. */
  readonly pathPrefix: string;
  /** JSON pointer to the id of the session in the body. */
  readonly sidPtr: string;
  /** Parameter of a form in the body that holds the JSON; null: it is the body. */
  readonly jsonParam: string | null;
}

/** What a response says of sessions. */
export interface SessionFields {
  /** Id of the session that the client belongs to; null for none. */
  readonly id: string | null;
  readonly rules: readonly SessionRule[];
  /** The last ids that the client has, by channel; an object without prototype. */
  readonly lastIds: Readonly<Record<string, string>>;
}

/**
 * Reads `Grip-Session-Id`, `Grip-Session-Detect` and `Grip-Last` of a response. What is incomplete is passed over.
 * @param domain host of the request
 */
export function parseSessionFields(headers: FieldList, domain: string): SessionFields {
  const id = decodeHeaderText(fieldValue(headers, 'grip-session-id') ?? '');
  const lastIds = stringMap();
  for (const element of listElements(fieldValues(headers, 'grip-last'))) {
    const lastId = fieldValue(trailingParameters(element) ?? [], 'last-id');
    const channel = decodeHeaderText(leadingText(element));
    if (lastId !== undefined && channel !== '') lastIds[channel] = decodeHeaderText(lastId);
  }
  const rules: SessionRule[] = [];
  for (const element of listElements(fieldValues(headers, 'grip-session-detect'))) {
    const parameters = parseParameters(element, 0) ?? [];
    const pathPrefix = fieldValue(parameters, 'path-prefix');
    const sidPtr = fieldValue(parameters, 'sid-ptr');
    if (!pathPrefix || !sidPtr) continue;
    rules.push({ domain, pathPrefix, sidPtr, jsonParam: fieldValue(parameters, 'json-param') || null });
  }
  return { id: id === '' ? null : id, rules, lastIds };
}

/** The id of the session that the first rule which finds one finds in the body of a request; null if none does. */
export function sessionIn(body: Buffer, rules: readonly SessionRule[]): string | null {
  // Many rules may look at one large body: each text is read once.
  const values = new Map<string | null, unknown>();
  let form: URLSearchParams | null = null;
  for (const { jsonParam, sidPtr } of rules) {
    if (!values.has(jsonParam)) {
      if (jsonParam === null) values.set(null, parseJson(body));
      else {
        form ??= new URLSearchParams(body.toString());
        values.set(jsonParam, parseJson(Buffer.from(form.get(jsonParam) ?? '')));
      }
    }
    const id = stringIn(values.get(jsonParam), sidPtr);
    if (id !== null && id !== '') return id;
  }
  return null;
}
