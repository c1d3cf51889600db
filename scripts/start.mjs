// `npm start`: sets up and runs the demo.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, setUp } from './setup.mjs';

setUp();
// In this process, and package.json starts it with `exec`: so npm's signals reach the demo, whatever the shell is. Without `exec` npm would
// end a shell such as dash, and leave the demo running.
const launcher = join(ROOT, 'bin/holdfast');
process.argv = [process.execPath, launcher, 'demo', ...process.argv.slice(2)];
await import(pathToFileURL(launcher).href);
