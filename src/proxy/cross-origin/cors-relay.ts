import { fieldValue, fieldValues, listMembers, nameIs, nameStartsWith } from '../../codec/fields/index.ts';
import {
  ExchangeRelay,
  type HeaderList,
  type OriginCounters,
  type Payload,
  type RelayState,
  type Requester,
  type ResponseHead,
  type Suspended,
} from '../../exchange/index.ts';

/** The fields of a response that scripts may read anyway (Fetch §2.2.2), and those that are of the connection. */
const NOT_EXPOSED = new Set([
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
  'connection',
  'keep-alive',
  'transfer-encoding',
]);

const ALL_METHODS = 'OPTIONS, HEAD, GET, POST, PUT, DELETE';

/** Seconds for which a browser remembers what it may do. */
const MAX_AGE = '3600';

/** From what another process makes the relay again. */
export interface CorsState extends RelayState {
  readonly request: HeaderList;
}

/** Adds to the response what lets pages of other origins read it (CORS), as far as the origin has not decided that itself. */
export class CorsRelay extends ExchangeRelay {
  readonly #request: HeaderList;

  /** @param request the fields of the request */
  constructor(requester: Requester, counters: OriginCounters, request: HeaderList) {
    super(requester, counters);
    this.#request = request;
  }

  suspend(): Suspended<CorsState> | null {
    const state = { kind: 'cors', request: this.#request };
    return this.suspendAs(state) as Suspended<CorsState> | null;
  }

  override onResponse({ status, reason, headers, bodyLength }: ResponseHead): void {
    super.onResponse({ status, reason, headers: corsHeaders(this.#request, headers), bodyLength });
  }

  /** The bytes stay the same, and so does their encoding. */
  override onResponsePayload(payload: Payload): void {
    if (!this.over) this.requester.onResponsePayload(payload);
  }
}

/** The fields of a response, with those of CORS that it lacks. */
export function corsHeaders(request: HeaderList, response: HeaderList): HeaderList {
  const result = [...response];
  const add = (name: string, value: string) => {
    if (value !== '' && fieldValue(response, name.toLowerCase()) === undefined) result.push(name, value);
  };
  add('Access-Control-Allow-Methods', fieldValue(request, 'access-control-request-method') || ALL_METHODS);
  const asked = listMembers(fieldValues(request, 'access-control-request-headers'));
  add('Access-Control-Allow-Headers', asked.join(', '));
  add('Access-Control-Expose-Headers', exposed(response));
  add('Access-Control-Allow-Credentials', 'true');
  const origin = fieldValue(request, 'origin') || '*';
  add('Access-Control-Allow-Origin', origin);
  add('Access-Control-Max-Age', MAX_AGE);
  // A cache must not give it to a page of another origin, which could not read it (Fetch §3.3.5).
  if (fieldValue(response, 'access-control-allow-origin') === undefined && !varies(response)) {
    result.push('Vary', 'Origin');
  }
  return result;
}

function exposed(response: HeaderList): string {
  const names = new Map<string, string>();
  for (let i = 0; i < response.length; i += 2) {
    const name = response[i] as string;
    const lower = name.toLowerCase();
    if (NOT_EXPOSED.has(lower) || names.has(lower)) continue;
    if (!nameStartsWith(lower, 'access-control-') && !nameStartsWith(lower, 'grip-')) names.set(lower, name);
  }
  return [...names.values()].join(', ');
}

function varies(response: HeaderList): boolean {
  return listMembers(fieldValues(response, 'vary')).some((member) => member === '*' || nameIs(member, 'origin'));
}
