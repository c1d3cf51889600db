// Returns the messages of WebSockets: node echo.mjs SEND_SPEC RECV_SPEC
import { Mongrel2Handler } from 'holdfast/mongrel2';
import { specs } from './specs.mjs';

const handler = new Mongrel2Handler(specs('echo.mjs'));
handler.ready().then(() => console.log('echo is ready'));

for await (const event of handler) {
  if (event.kind === 'handshake') handler.accept(event);
  else if (event.kind === 'message') handler.send(event, event.text ? event.body.toString() : event.body);
  else if (event.kind === 'request') handler.respond(event, { status: 400, body: 'Expected a WebSocket.\n' });
  else if (event.kind === 'disconnect') console.log(`${event.id} has left`);
}
