import fc from 'fast-check';
import { testSeed } from './seeded-random.ts';

fc.configureGlobal({ seed: testSeed() });

/** fast-check with a seed of `testSeed`. A property that fails prints it. */
export { fc };
