// Begins a response and hands the client to another process, which goes on with it: node handoff-first.mjs BASE LINK
//
// LINK is a ZeroMQ endpoint where handoff-second takes sessions over, for instance ipc:///tmp/link. The client sees one response.
import { Push } from 'zeromq';
import { commandLine } from './command-line.mjs';
import { Handler } from './zhttp.mjs';

const [base, link] = commandLine('handoff-first.mjs BASE LINK');

async function begin(session) {
  session.send({ code: 200, reason: 'OK', headers: [['Content-Type', 'text/plain']], more: true });
  for (let line = 1; line <= 3; line += 1) await session.write(`first: line ${line}\n`);
  // From here on the front server sends nothing, and waits up to a minute for the next owner to speak up.
  const state = await session.handOff();
  sending = sending.then(() => second.send(JSON.stringify(state)));
  await sending;
}

const second = new Push({ linger: 0 });
second.connect(link);
let sending = Promise.resolve(); // This socket sends one message at a time.
await Handler.connect(base, begin);
console.log('handoff-first is ready');
