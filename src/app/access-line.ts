import { fieldValue, ListTexts } from '../codec/fields/index.ts';
import { ERRORS, type ErrorCode, type ExchangeRecord, type HeaderList, shownTarget } from '../exchange/index.ts';
import { jsonText, logfmtValue, quotedText } from './escaped-text.ts';
import { LogClock, millisText } from './log-clock.ts';

/**
 * Characters of one text of a client in a line. What is longer is cut, and ends in `...`.
 * @bound access-line
 */
const MAX_TEXT = 2_048;

/** How an exchange has come out. */
export type Outcome =
  | 'completed'
  | 'resumed'
  | 'left'
  | 'stalled'
  | 'refused'
  | 'timeout'
  | 'failed'
  | 'drained'
  | 'internal';

/** Makes the line of an exchange, with its line feed, in ASCII. @param client address as it is to be shown @param now by `Date.now` */
export type AccessLine = (record: ExchangeRecord, role: string, client: string, now: number) => string;

const OUTCOMES = Object.fromEntries(
  (Object.keys(ERRORS) as ErrorCode[]).map((code) => [code, outcomeOfError(code)]),
) as Readonly<Record<ErrorCode, Outcome>>;

/** How an exchange has come out. */
export function outcomeOf({ error, resumed }: Pick<ExchangeRecord, 'error' | 'resumed'>): Outcome {
  if (error !== '') return OUTCOMES[error];
  return resumed ? 'resumed' : 'completed';
}

function outcomeOfError(code: ErrorCode): Outcome {
  if (code === 'HF_CLIENT_GONE') return 'left';
  if (code === 'HF_CLIENT_STALLED') return 'stalled';
  if (code === 'HF_DRAINING') return 'drained';
  if (code.includes('TIMEOUT')) return 'timeout';
  const { cause } = ERRORS[code];
  if (cause === 'internal') return 'internal';
  return cause === 'origin' || cause === 'backend' ? 'failed' : 'refused';
}

const clock = new LogClock();

// What the same list of header fields says in each line. The token of a route may be in the Referer too: then nothing is kept.

const JSON_AGENTS = new ListTexts((headers) => jsonAgentsOf(headers, ''));
const LOGFMT_AGENTS = new ListTexts((headers) => logfmtAgentsOf(headers, ''));
const COMBINED_AGENTS = new ListTexts((headers) => combinedAgentsOf(headers, ''));

function jsonAgents({ request: { headers }, secret }: ExchangeRecord): string {
  return secret === '' ? JSON_AGENTS.of(headers) : jsonAgentsOf(headers, secret);
}

function logfmtAgents({ request: { headers }, secret }: ExchangeRecord): string {
  return secret === '' ? LOGFMT_AGENTS.of(headers) : logfmtAgentsOf(headers, secret);
}

function combinedAgents({ request: { headers }, secret }: ExchangeRecord): string {
  return secret === '' ? COMBINED_AGENTS.of(headers) : combinedAgentsOf(headers, secret);
}

function jsonAgentsOf(headers: HeaderList, secret: string): string {
  const agent = fieldValue(headers, 'user-agent');
  const referer = fieldValue(headers, 'referer');
  return (
    (agent === undefined ? '"' : `","userAgent":"${jsonText(cut(agent))}"`) +
    (referer === undefined ? '}\n' : `,"referer":"${jsonText(shownReferer(referer, secret))}"}\n`)
  );
}

function logfmtAgentsOf(headers: HeaderList, secret: string): string {
  const agent = fieldValue(headers, 'user-agent');
  const referer = fieldValue(headers, 'referer');
  return (
    (agent === undefined ? '' : ` userAgent=${logfmtValue(cut(agent))}`) +
    (referer === undefined ? '' : ` referer=${logfmtValue(shownReferer(referer, secret))}`)
  );
}

function combinedAgentsOf(headers: HeaderList, secret: string): string {
  const agent = fieldValue(headers, 'user-agent') ?? '-';
  const referer = fieldValue(headers, 'referer') ?? '-';
  return `"${quotedText(shownReferer(referer, secret))}" "${quotedText(cut(agent))}"\n`;
}

/** Makes a text of one or two others, and keeps the last: in most lines they are the same. */
class LastText<First, Second> {
  readonly #make: (first: First, second: Second) => string;
  #first: First | undefined;
  #second: Second | undefined;
  #made = '';

  constructor(make: (first: First, second: Second) => string) {
    this.#make = make;
  }

  of(first: First, second: Second): string {
    if (first !== this.#first || second !== this.#second) {
      this.#made = flat(this.#make(first, second));
      this.#first = first;
      this.#second = second;
    }
    return this.#made;
  }
}

// The line in as few pieces as can be: each costs about as much as the work on the piece itself.

const JSON_BEGIN = new LastText(
  (now: number, role: string) => `{"time":"${clock.iso(now)}","role":"${role}","client":"`,
);
const JSON_CLIENT = new LastText((client: string, method: string | null) =>
  method === null ? `${jsonText(client)}"` : `${jsonText(client)}","method":"${jsonText(method)}","target":"`,
);
const JSON_HOST = new LastText(
  (authority: string, version: string) =>
    `"${authority === '' ? '' : `,"host":"${jsonText(cut(authority))}"`},"version":"${version}"`,
);
const JSON_STATUS = new LastText((status: number, outcome: Outcome) => `,"status":${status},"outcome":"${outcome}"`);
const JSON_ROUTE = new LastText(
  (route: string, origin: string) =>
    (route === '' ? '' : `,"route":"${jsonText(route)}"`) +
    (origin === '' ? '' : `,"origin":"${jsonText(origin)}"`) +
    ',"id":"',
);

/** One object of JSON a line. Written by hand: it costs a fifth of what `JSON.stringify` takes. */
export const jsonLine: AccessLine = (record, role, client, now) => {
  const { request, requestId, startedAt, respondedAt, heldAt, endedAt } = record;
  const { id, target, authority } = request;
  let line = JSON_BEGIN.of(now, role);
  line += JSON_CLIENT.of(client, target === '' ? null : request.method);
  if (target !== '') line += jsonText(shown(record)) + JSON_HOST.of(authority, request.version);
  line += JSON_STATUS.of(record.status, outcomeOf(record));
  if (record.error !== '') line += `,"error":"${record.error}"`;
  line += `,"requestBytes":${record.requestBytes},"responseBytes":${record.responseBytes},"durationMs":${millisText(endedAt - startedAt)}`;
  if (respondedAt !== 0) line += `,"firstByteMs":${millisText(respondedAt - startedAt)}`;
  if (record.originTime >= 0) line += `,"originMs":${millisText(record.originTime)}`;
  if (record.webSocket) line += ',"webSocket":true';
  if (heldAt !== 0) line += `,"heldMs":${millisText(endedAt - heldAt)}`;
  if (heldAt !== 0 || record.items !== 0) line += `,"items":${record.items}`;
  line += JSON_ROUTE.of(record.route, record.origin) + jsonText(cut(id));
  if (requestId !== '') line += `","requestId":"${requestId}`;
  return line + jsonAgents(record);
};

/** The same in `key=value` pairs. */
export const logfmtLine: AccessLine = (record, role, client, now) => {
  const { request, route, origin, error, status, requestId } = record;
  const { id, target, authority } = request;
  let line = `time=${clock.iso(now)} role=${role} client=${logfmtValue(client)}`;
  if (target !== '') {
    line += ` method=${logfmtValue(request.method)} target=${logfmtValue(shown(record))}`;
    if (authority !== '') line += ` host=${logfmtValue(cut(authority))}`;
    line += ` version=${request.version}`;
  }
  line += ` status=${status} outcome=${outcomeOf(record)}`;
  if (error !== '') line += ` error=${error}`;
  line += ` requestBytes=${record.requestBytes} responseBytes=${record.responseBytes} durationMs=${millisText(record.endedAt - record.startedAt)}`;
  if (record.respondedAt !== 0) line += ` firstByteMs=${millisText(record.respondedAt - record.startedAt)}`;
  if (record.originTime >= 0) line += ` originMs=${millisText(record.originTime)}`;
  if (record.webSocket) line += ' webSocket=true';
  if (record.heldAt !== 0) line += ` heldMs=${millisText(record.endedAt - record.heldAt)}`;
  if (record.heldAt !== 0 || record.items !== 0) line += ` items=${record.items}`;
  if (route !== '') line += ` route=${logfmtValue(route)}`;
  if (origin !== '') line += ` origin=${logfmtValue(origin)}`;
  line += ` id=${logfmtValue(cut(id))}`;
  if (requestId !== '') line += ` requestId=${logfmtValue(requestId)}`;
  return `${line}${logfmtAgents(record)}\n`;
};

/**
 * The Combined Log Format of Apache and nginx, for programs that read it. The status of a response that has not begun is 499, as nginx has
 * it: its client has left.
 */
export const combinedLine: AccessLine = (record, _role, client, now) => {
  const { request, status, responseBytes } = record;
  const asked =
    request.target === '' ? '-' : `${quotedText(request.method)} ${quotedText(shown(record))} HTTP/${request.version}`;
  return `${client === '' ? '-' : plainClient(client)} - - [${clock.clf(now)}] "${asked}" ${status || 499} ${responseBytes} ${combinedAgents(record)}`;
};

function shown({ request, secret }: ExchangeRecord): string {
  return cut(shownTarget(request.target, secret));
}

function shownReferer(referer: string, secret: string): string {
  return cut(shownTarget(referer, secret));
}

/** The name of a requester over ZeroMQ may have any bytes; a space would begin another column. */
function plainClient(client: string): string {
  return quotedText(client).replaceAll(' ', '\\x20');
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}...`;
}

/** The same ASCII text in one piece. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
