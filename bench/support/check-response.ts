import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { SMALL_BODY } from './servers.ts';

/** The response of most benches, and where it is. */
export const SMALL_RESPONSE = { path: '/', body: SMALL_BODY };

/** Makes one GET. Throws if the response is not the expected one, because then the bench would measure something else. */
export async function checkResponse(port: number, name: string, expected = SMALL_RESPONSE): Promise<void> {
  const [status, body] = await new Promise<[number | undefined, string]>((resolve, reject) => {
    const get = request(
      { host: '127.0.0.1', port, path: expected.path, agent: false, timeout: 5000 },
      async (response) => resolve([response.statusCode, await text(response)]),
    );
    get.once('timeout', () => get.destroy(new Error(`${name} does not respond to a GET`)));
    get.once('error', reject);
    get.end();
  });
  if (status !== 200 || body !== expected.body)
    throw new Error(`${name} responded with ${status} ${JSON.stringify(body.slice(0, 100))}`);
}
