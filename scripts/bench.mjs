// `npm run bench -- NAME [ARGUMENT…]`: sets up, looks for the peers to compare with, and runs one bench.
import { ensurePeers, peersFor, thisMachine } from './peers.mjs';
import { runTypeScript, setUp } from './setup.mjs';

setUp();
if (!ensurePeers(peersFor('bench'), thisMachine())) process.exit(1);
process.exit(runTypeScript(['bench/run.ts', ...process.argv.slice(2)]));
