// Has a webhook delivered, and ends without waiting for the outcome: node webhook.mjs BASE URL TEXT [SECONDS]
//
// A program that subscribes to the address `webhooks`, as monitor.mjs does, gets the outcome. If no fetcher takes the request for
// so many seconds (10), it fails.
import { randomUUID } from 'node:crypto';
import { Push } from 'zeromq';
import { commandLine } from './command-line.mjs';
import { fetchEndpoints } from './fetch.mjs';
import { writePacket } from './zhttp.mjs';

const [base, uri, text, seconds = '10'] = commandLine('webhook.mjs BASE URL TEXT [SECONDS]');

// Immediate: it goes to a connection that is there, or it would wait in this process, which is about to end.
const push = new Push({ immediate: true, sendTimeout: seconds * 1000, linger: seconds * 1000 });
push.connect(fetchEndpoints(base).requests);
const id = randomUUID();
const request = writePacket({
  from: 'webhooks',
  id,
  seq: 0,
  method: 'POST',
  uri,
  headers: [['Content-Type', 'text/plain; charset=utf-8']],
  body: text,
  timeout: 30_000, // Milliseconds for the whole request.
  'user-data': { uri, sent: new Date().toISOString() }, // Comes back with every response.
});
try {
  await push.send(request);
  console.log(id);
} catch (error) {
  console.error(`no fetcher took the webhook: ${error.message}`);
  process.exitCode = 1;
}
push.close(); // What has not left yet still does.
