import { type Agent, request } from 'node:http';

/** How long a server may take to take an item, in milliseconds. */
const STALLED_MS = 5_000;

/** Publishes by a POST. Resolves when it has been taken; rejects when it is refused, or gets no response for 5 s. */
export function postItems(agent: Agent, port: number, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': body.length };
    const target = { agent, port, path, host: '127.0.0.1', method: 'POST', headers, timeout: STALLED_MS };
    const publish = request(target, (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      response.once('end', () => {
        if (status >= 200 && status <= 299) resolve();
        else reject(new Error(`publishing got status ${status}`));
      });
    });
    publish.once('timeout', () => publish.destroy(new Error('publishing got no response')));
    publish.once('error', reject);
    publish.end(body);
  });
}
