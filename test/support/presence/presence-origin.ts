import type { TestContext } from 'node:test';
import { startOrigin } from '../origin.ts';

/** An origin that holds clients as the query says: `c` is the value of Grip-Channel, `u` the user, `h` the mode. */
export function startPresenceOrigin(t: TestContext): Promise<string> {
  return startOrigin(t, (request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const user = query.get('u');
    const mode = query.get('h') ?? 'stream';
    response.writeHead(200, {
      'Content-Type': mode === 'stream' ? 'text/event-stream' : 'text/plain',
      'Grip-Hold': mode,
      'Grip-Channel': query.get('c') ?? 'room',
      ...(user !== null && { 'Grip-Set-Meta': `user=${user}` }),
    });
    response.end(mode === 'stream' ? ': open\n\n' : 'nothing new');
  });
}
