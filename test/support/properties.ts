import fc from 'fast-check';
import { testSeed } from './seeded-random.ts';

fc.configureGlobal({ seed: testSeed() });

/** fast-check with the seed of this run, which a property that fails tells. */
export { fc };
