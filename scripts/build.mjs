// `npm run build`: dependencies and `dist`, for those who want to run `bin/holdfast` in a clone without starting the demo first.
import { setUp } from './setup.mjs';

setUp();
