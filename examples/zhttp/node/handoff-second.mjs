// Takes clients over from handoff-first and ends their responses: node handoff-second.mjs BASE LINK
import { Pull } from 'zeromq';
import { commandLine } from './command-line.mjs';
import { Handler } from './zhttp.mjs';

const [base, link] = commandLine('handoff-second.mjs BASE LINK');

async function goOn(session) {
  for (let line = 4; line <= 6; line += 1) await session.write(`second: line ${line}\n`);
  session.end();
}

const handler = await Handler.connect(base); // Takes no requests of its own.
const first = new Pull();
await first.bind(link);
console.log('handoff-second is ready');
for await (const [state] of first) handler.adopt(JSON.parse(state), goOn);
