import type { RequestHead } from '../../../src/exchange/index.ts';

/** What a test may say of a request. */
export type RequestFields = Partial<RequestHead>;

/** The head of a request of a loopback client, a GET without a body unless `fields` says otherwise. */
export function requestHead(fields: RequestFields = {}): RequestHead {
  return {
    id: '1-1',
    method: 'GET',
    target: '/',
    scheme: 'http',
    authority: 'example.com',
    version: '1.1',
    headers: ['Host', 'example.com'],
    bodyLength: 0,
    peer: { address: '127.0.0.1', port: 57_416 },
    credits: 65_536,
    ...fields,
  };
}
