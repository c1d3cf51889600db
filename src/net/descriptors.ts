import fs from 'node:fs';

/** What it means that no descriptor is left, by the system's code. */
export const NO_DESCRIPTORS: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
};

/**
 * Says why no descriptor can be opened at the moment; null if one can. The system's resolver and c-ares do not tell: they report a name
 * that is not known, or name servers that cannot be reached.
 */
export function descriptorShortage(): string | null {
  try {
    fs.closeSync(fs.openSync('/dev/null', 'r'));
    return null;
  } catch (error) {
    return NO_DESCRIPTORS[(error as NodeJS.ErrnoException).code ?? ''] ?? null;
  }
}
