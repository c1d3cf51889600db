// `npm run package:deb [-- FOLDER]`: sets up and builds the Debian package.
import { runTypeScript, setUp } from './setup.mjs';

setUp();
process.exit(runTypeScript(['packaging/package-deb.ts', ...process.argv.slice(2)]));
