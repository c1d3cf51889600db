// Sends each client a line every second until the client leaves: node stream.mjs BASE [SECONDS]
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine } from './command-line.mjs';
import { Handler } from './zhttp.mjs';

const [base, seconds = '1'] = commandLine('stream.mjs BASE [SECONDS]');

async function stream(session) {
  let lines = 0;
  session.send({ code: 200, reason: 'OK', headers: [['Content-Type', 'text/plain']], more: true });
  try {
    for (;;) {
      await session.write(`line ${lines + 1}\n`); // Waits while the client does not read.
      lines += 1;
      await sleep(seconds * 1000, undefined, { signal: session.signal });
    }
  } finally {
    console.log(`${session.id}: ${session.signal.reason.message} after ${lines} lines`);
  }
}

await Handler.connect(base, stream);
console.log('stream is ready');
