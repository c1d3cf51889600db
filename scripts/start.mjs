// `npm start`: sets up and runs the demo.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, setUp } from './setup.mjs';

setUp();
// In this very process, so that signals and the exit code need nobody to pass them on.
const launcher = join(ROOT, 'bin/holdfast');
process.argv = [process.execPath, launcher, 'demo', ...process.argv.slice(2)];
await import(pathToFileURL(launcher).href);
