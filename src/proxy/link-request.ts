import { attempt } from '../clock/index.ts';
import { contentCodings } from '../codec/fields/index.ts';
import { GripError, type Instruct, isInstruct, isInstructBody, NO_LINKS, parseInstruct } from '../codec/grip/index.ts';
import { BodyCollector, type ExchangeError, type ResponseHead, WINDOW } from '../exchange/index.ts';
import { FilterError, FilteredBody, type LinkClient, type LinkFetch } from '../hub/index.ts';
import { MAX_INSTRUCT_BODY } from './grip-response.ts';
import type { LinkRoute } from './link-route.ts';
import { OwnRequest } from './own-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import { endToEndHeaders } from './response-headers.ts';

const EMPTY = Buffer.alloc(0);

/** What a response without instructions says of the client. */
const NOTHING: Instruct = {
  hold: null,
  response: { status: 200, reason: '', headers: [], body: EMPTY },
  links: NO_LINKS,
};

/** Makes the update of a client of what the response to its link says. */
export type OnInstruct = (instruct: Instruct) => void;

/** The request for a link of a held client. The body of its response goes to the client. */
export class LinkRequest extends OwnRequest implements LinkFetch {
  readonly #method: string;
  readonly #client: LinkClient;
  readonly #onInstruct: OnInstruct;
  #head: ResponseHead | null = null;
  #instruct: Instruct | null = null;
  /** Changes the body; null where no filter does. */
  #filtered: FilteredBody | null = null;
  /** The body of JSON instructions. */
  #collected: BodyCollector | null = null;
  /** Bytes that the client has been passed and may not have taken. */
  #untaken = 0;

  /** @param onInstruct called at the end of the response */
  constructor(
    room: ProxyRoom,
    route: LinkRoute,
    method: string,
    gripLast: readonly string[],
    client: LinkClient,
    onInstruct: OnInstruct,
  ) {
    super(room, route, gripLast);
    this.#method = method;
    this.#client = client;
    this.#onInstruct = onInstruct;
  }

  start(): boolean {
    this.send({ method: this.#method, bodyLength: 0, credits: WINDOW });
    return false;
  }

  taken(): void {
    const bytes = this.#untaken;
    this.#untaken = 0;
    if (bytes > 0) this.credit(bytes);
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const { status } = head;
    if (status < 200 || status > 299) {
      this.cut(`the response to the link ${this.route.uri} has the status ${status}`);
      return;
    }
    const [coding] = contentCodings(head.headers);
    if (coding !== undefined) {
      this.cut(`the response to the link ${this.route.uri} is encoded with ${coding}`);
      return;
    }
    this.#head = head;
    if (this.route.noGrip || !isInstruct(head.headers)) this.#instruct = NOTHING;
    else if (isInstructBody(head.headers)) this.#collected = new BodyCollector(MAX_INSTRUCT_BODY);
    else this.#parse(EMPTY);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    if (this.#collected !== null) {
      if (!this.#collected.add(chunk)) {
        this.cut(`the instructions of the link ${this.route.uri} are over ${MAX_INSTRUCT_BODY} bytes`);
        return;
      }
      if (more) this.credit(chunk.length);
      else this.#parse(this.#collected.body);
    } else {
      this.#untaken += chunk.length;
      this.#pass(chunk, more);
    }
    if (more || this.over || this.#instruct === null) return;
    this.end();
    attempt(this.#client, finish, this.#instruct, this.#onInstruct);
  }

  override onResponseError({ code, detail }: ExchangeError): void {
    this.fail(`the link ${this.route.uri} failed: ${code} ${detail}`);
  }

  protected override tellFailure(detail: string): void {
    attempt(this.#client, fail, detail);
  }

  /** Passes a piece of the body, as the response's own filters change it (GRIP §5.3). */
  #pass(chunk: Buffer, more: boolean): void {
    let bytes = chunk;
    try {
      if (this.#filtered !== null) bytes = this.#filtered.next(chunk, more);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.cut(error.message);
      return;
    }
    if (bytes.length > 0) this.#client.onLinkData(bytes);
  }

  #parse(body: Buffer): void {
    const { status, reason, headers } = this.#head as ResponseHead;
    try {
      const instruct = parseInstruct(status, reason, endToEndHeaders(headers, status), body);
      if (instruct.hold?.mode === 'response') throw new GripError('a link cannot lead to a response hold');
      this.#filtered = FilteredBody.of(instruct.hold ?? instruct.unheld ?? null);
      this.#instruct = this.#filtered === null || body.length === 0 ? instruct : filledIn(instruct, this.#filtered);
    } catch (error) {
      if (!(error instanceof GripError || error instanceof FilterError)) throw error;
      this.cut(`Failed to parse accept instructions: ${error.message}`);
    }
  }
}

// The last calls to a client. The request is over then, so an exception in them is the client's to handle: nothing else would tell it.

function finish(client: LinkClient, instruct: Instruct, onInstruct: OnInstruct): void {
  const { body } = instruct.response;
  if (body.length > 0) client.onLinkData(body);
  onInstruct(instruct);
}

function fail(client: LinkClient, detail: string): void {
  client.onLinkFailed(detail);
}

/**
 * The instruct with its body as its filters change it.
 * @throws FilterError
 */
function filledIn(instruct: Instruct, filtered: FilteredBody): Instruct {
  const { response } = instruct;
  return { ...instruct, response: { ...response, body: filtered.next(response.body, false) } };
}
