import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlReference } from '../control/index.ts';
import { packageVersion } from './package-version.ts';

/** Writes the reference of the control API to a folder. */
export function writeControlReference(folder: string): void {
  for (const [name, text] of Object.entries(controlReference(packageVersion())))
    writeFileSync(join(folder, name), text);
}
