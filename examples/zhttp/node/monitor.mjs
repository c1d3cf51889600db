// Prints the outcome of requests that no requester waits for: node monitor.mjs BASE [ADDRESS]
//
// ADDRESS is what the senders give as `from`, by default `webhooks`. Any number of monitors may run.
import { Subscriber } from 'zeromq';
import { commandLine } from './command-line.mjs';
import { connected, fetchEndpoints, readResponse } from './fetch.mjs';

const [base, address = 'webhooks'] = commandLine('monitor.mjs BASE [ADDRESS]');

function outcome({ type, seq, condition, code, reason }) {
  if (type === 'error') return `FAILED: ${condition}`;
  if (type === 'cancel') return 'FAILED: cancelled';
  if (type !== undefined) return seq === 0 ? 'accepted' : 'still under way';
  return `${code < 400 ? 'delivered' : 'FAILED'}: ${code} ${reason}`;
}

const subscriber = new Subscriber({ receiveHighWaterMark: 0 });
subscriber.subscribe(`${address} `);
await connected(subscriber, fetchEndpoints(base).responses);
console.log('monitor is ready');
for await (const [frame] of subscriber) {
  const packet = readResponse(frame);
  console.log(`${packet.id} ${outcome(packet)} ${JSON.stringify(packet['user-data'] ?? null)}`);
}
