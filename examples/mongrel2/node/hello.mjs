// Answers each request: node hello.mjs SEND_SPEC RECV_SPEC
import { Mongrel2Handler } from 'holdfast/mongrel2';
import { specs } from './specs.mjs';

const handler = new Mongrel2Handler(specs('hello.mjs'));
handler.ready().then(() => console.log('hello is ready'));

for await (const event of handler) {
  if (event.kind !== 'request') continue;
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
  handler.respond(event, { headers, body: `Hello, ${event.address}: you asked for ${event.uri}\n` });
}
