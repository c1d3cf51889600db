import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type NetConnectOpts } from 'node:net';
import type { TestContext } from 'node:test';
import { RawPeer } from './raw-peer.ts';

/** One response, read by the rules of RFC 9112 §6.3 and by nothing of the code under test. */
export interface RawResponse {
  readonly status: number;
  readonly statusLine: string;
  /** Values by lower-case name; of a repeated field joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A client that sends bytes as they are and reads responses strictly: a broken framing fails the test. */
export class RawClient extends RawPeer {
  /** The head of the next response, an interim one included. */
  async takeHead(): Promise<Omit<RawResponse, 'body'>> {
    const [statusLine = '', ...lines] = (await this.take()).slice(0, -4).split('\r\n');
    assert.match(statusLine, /^HTTP\/1\.1 [1-9]\d\d /);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^\s:]+): ?(.*)$/.exec(line) ?? assert.fail(`no field line: ${line}`);
      const before = headers.get(name.toLowerCase());
      headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
    }
    return { status: Number(statusLine.slice(9, 12)), statusLine, headers };
  }

  /** The next response. */
  async takeResponse(method = 'GET'): Promise<RawResponse> {
    const head = await this.takeHead();
    return { ...head, body: await this.#takeBody(head, method) };
  }

  /** All responses up to the end of the connection, none of them to a HEAD request. */
  async takeResponses(): Promise<RawResponse[]> {
    await this.ended;
    const responses: RawResponse[] = [];
    while (this.text !== '') responses.push(await this.takeResponse());
    return responses;
  }

  /** Sends a request and takes its response. */
  async request(text: string, method = 'GET'): Promise<RawResponse> {
    this.write(text);
    return this.takeResponse(method);
  }

  /** The data of the next chunk; empty for the last one. */
  async takeChunk(): Promise<string> {
    const line = await this.take('\r\n');
    assert.match(line, /^[0-9a-f]{1,16}\r\n$/);
    const data = await this.takeBytes(Number.parseInt(line, 16) + 2);
    assert.ok(data.endsWith('\r\n'), 'a chunk ends where its size says');
    return data.slice(0, -2);
  }

  async #takeBody({ status, headers }: Omit<RawResponse, 'body'>, method: string): Promise<string> {
    const length = headers.get('content-length');
    const coding = headers.get('transfer-encoding');
    assert.ok(length === undefined || coding === undefined, 'one framing');
    if (method === 'HEAD' || status === 204 || status === 304) return '';
    if (coding !== undefined) {
      assert.equal(coding, 'chunked');
      let body = '';
      for (let chunk = await this.takeChunk(); chunk !== ''; chunk = await this.takeChunk()) body += chunk;
      return body;
    }
    if (length !== undefined) return this.takeBytes(Number(length));
    assert.equal(headers.get('connection'), 'close', 'a body without a length ends with the connection');
    const body = await this.takeAll();
    assert.equal(await this.ended, 'fin', 'the connection that ends a body ends in order');
    return body;
  }
}

/** Connects to where a listener is, `127.0.0.1:1234`, `[::1]:1234` or `unix:/path`; the connection ends with the test. */
export async function connectTo(t: TestContext, address: string): Promise<RawClient> {
  const client = openTo(t, address);
  await once(client.socket, 'connect');
  return client;
}

/** As `connectTo`, without waiting: the connection may also fail. */
export function openTo(t: TestContext, address: string): RawClient {
  const socket = connect({ ...whereabouts(address), allowHalfOpen: true });
  const client = new RawClient(socket);
  t.after(() => socket.destroy());
  return client;
}

function whereabouts(address: string): NetConnectOpts {
  if (address.startsWith('unix:')) return { path: address.slice(5) };
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return { host, port: Number(address.slice(colon + 1)), noDelay: true };
}
