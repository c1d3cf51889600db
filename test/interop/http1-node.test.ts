import assert from 'node:assert/strict';
import http, { type IncomingMessage } from 'node:http';
import net, { type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type ProtocolCase, readCases } from '../support/cases.ts';
import { feedingOf, Http1Transcript } from '../support/http1-transcript.ts';

/** One complete message, as far as both sides tell it. */
interface Message {
  /** Method and target, or status and reason. */
  readonly start: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** What became of the input. */
interface Outcome {
  readonly messages: readonly Message[];
  readonly refused: boolean;
}

/** What Node made of one input; the messages fill up as their bytes arrive. */
class Recording {
  refused = false;
  readonly #messages: { message: Message; complete: boolean }[] = [];

  /** Takes a message that is to be read to its end. */
  add(start: string, incoming: IncomingMessage, whenComplete: () => void = () => {}): void {
    const message = { start, headers: incoming.rawHeaders, body: '', trailers: incoming.rawTrailers };
    const entry = { message, complete: false };
    this.#messages.push(entry);
    incoming.setEncoding('latin1');
    incoming.on('data', (text: string) => {
      message.body += text;
    });
    incoming.on('error', () => {
      this.refused = true;
    });
    incoming.on('end', () => {
      message.trailers = incoming.rawTrailers;
      entry.complete = true;
      whenComplete();
    });
  }

  /** Takes a message that is nothing but a head. */
  addHead(start: string, headers: readonly string[]): void {
    this.#messages.push({ message: { start, headers, body: '', trailers: [] }, complete: true });
  }

  get outcome(): Outcome {
    const complete = this.#messages.filter((entry) => entry.complete);
    return { messages: complete.map(({ message }) => message), refused: this.refused };
  }
}

/** A `node:http` server that is sent bytes. */
class NodeServer {
  #recording = new Recording();
  readonly #server = http.createServer();

  constructor() {
    const server = this.#server;
    const onRequest = (request: IncomingMessage, response: http.ServerResponse) => {
      this.#recording.add(`${request.method} ${request.url}`, request, () => response.end());
    };
    server.on('request', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('connect', (request, socket) => {
      this.#recording.addHead(`${request.method} ${request.url}`, request.rawHeaders);
      socket.end();
    });
    server.on('clientError', (_error, socket) => {
      this.#recording.refused = true;
      // The events of messages that were complete before the fault come first.
      setImmediate(() => socket.destroy());
    });
    // The sender closes its side behind the bytes and still takes the answers, as Node's own server lets few clients do.
    Object.assign(server, { httpAllowHalfOpen: true });
  }

  listen(): Promise<void> {
    return listen(this.#server);
  }

  close(): void {
    this.#server.close();
  }

  async outcomeOf(input: Buffer): Promise<Outcome> {
    const recording = new Recording();
    this.#recording = recording;
    const client = net.connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    let answers = '';
    client.setEncoding('latin1');
    client.on('data', (text: string) => {
      answers += text;
    });
    client.on('error', () => {});
    client.end(input);
    await new Promise((resolve) => client.on('close', resolve));
    // Without Host the server answers by itself and emits nothing.
    if (/^HTTP\/1\.1 [45]/m.test(answers)) recording.refused = true;
    return recording.outcome;
  }
}

/** A server that answers anything with given bytes, for a `node:http` client. */
class ByteOrigin {
  #answer: Buffer = Buffer.alloc(0);
  readonly #server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(this.#answer));
  });

  listen(): Promise<void> {
    return listen(this.#server);
  }

  close(): void {
    this.#server.close();
  }

  async outcomeOf(answer: Buffer, method: string): Promise<Outcome> {
    this.#answer = answer;
    const recording = new Recording();
    const { port } = this.#server.address() as AddressInfo;
    const request = http.request({ host: '127.0.0.1', port, method, agent: false });
    request.on('information', (head) =>
      recording.addHead(`${head.statusCode} ${head.statusMessage}`, head.rawHeaders as unknown as string[]),
    );
    request.on('response', (response) => recording.add(`${response.statusCode} ${response.statusMessage}`, response));
    request.on('upgrade', (response, socket) => {
      recording.addHead(`${response.statusCode} ${response.statusMessage}`, response.rawHeaders);
      socket.destroy();
    });
    request.on('error', () => {
      recording.refused = true;
    });
    request.end();
    await new Promise((resolve) => request.on('close', resolve));
    return recording.outcome;
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

/** What the readers of `codec/http1` make of the same input. */
function ourOutcome(protocolCase: ProtocolCase): Outcome {
  const transcript = Http1Transcript.of([protocolCase.input], feedingOf(protocolCase));
  const messages = transcript.messages
    .filter(({ complete }) => complete)
    .map(({ head, body, trailers }) => ({
      start: 'status' in head ? `${head.status} ${head.reason}` : `${head.method} ${head.target}`,
      headers: head.headers,
      body,
      trailers,
    }));
  return { messages, refused: transcript.refused };
}

/** What Node does other than the readers, in one word of the documents. */
function verdict(ours: Outcome, nodes: Outcome): string {
  if (ours.refused !== nodes.refused) return nodes.refused ? 'refuses' : 'accepts';
  return JSON.stringify(ours.messages) === JSON.stringify(nodes.messages) ? 'agrees' : 'differs';
}

/** What the case says of this version of Node's parser, else of all others. */
function explanationFor(version: string, options: ReadonlyMap<string, string>): string | undefined {
  const key = [...options.keys()].find(
    (name) => name.startsWith('llhttp ') && `${version}.`.startsWith(`${name.slice(7)}.`),
  );
  return options.get(key ?? 'node');
}

function check(protocolCase: ProtocolCase, nodes: Outcome): void {
  const { document, line, options } = protocolCase;
  const explanation = explanationFor(process.versions.llhttp ?? '', options) ?? 'agrees';
  const [, word] = /^(agrees|(?:accepts|refuses|differs) \(.+\))$/.exec(explanation) ?? [];
  assert.ok(word !== undefined, `${document}:${line}: not an explanation: ${explanation}`);
  const ours = ourOutcome(protocolCase);
  const outcomes = `ours: ${JSON.stringify(ours).slice(0, 1000)}\nNode's: ${JSON.stringify(nodes).slice(0, 1000)}`;
  assert.equal(
    verdict(ours, nodes),
    word.split(' ')[0],
    `${document}:${line}: the document says: ${explanation}\n${outcomes}`,
  );
}

const cases = readCases('http1');

describe('requests are read as the server of node:http reads them, or the document says why not', () => {
  const server = new NodeServer();
  before(() => server.listen());
  after(() => server.close());
  for (const protocolCase of cases.filter(({ kind }) => kind === 'http request')) {
    test(`${protocolCase.document}: ${protocolCase.title}`, async () => {
      check(protocolCase, await server.outcomeOf(protocolCase.input));
    });
  }
});

describe('responses are read as the client of node:http reads them, or the document says why not', () => {
  const origin = new ByteOrigin();
  before(() => origin.listen());
  after(() => origin.close());
  for (const protocolCase of cases.filter(({ kind }) => kind === 'http response')) {
    test(`${protocolCase.document}: ${protocolCase.title}`, async () => {
      const method = protocolCase.options.get('method') ?? 'GET';
      check(protocolCase, await origin.outcomeOf(protocolCase.input, method));
    });
  }
});
