import fs from 'node:fs';

/** What running out of descriptors means, by the system's code. */
export const NO_DESCRIPTORS: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
};

/**
 * Says why no descriptor can be opened right now; null if one can. The system's resolver and c-ares do not report this: they say that the
 * name is unknown or that the name servers cannot be reached.
 */
export function descriptorShortage(): string | null {
  try {
    fs.closeSync(fs.openSync('/dev/null', 'r'));
    return null;
  } catch (error) {
    return NO_DESCRIPTORS[(error as NodeJS.ErrnoException).code ?? ''] ?? null;
  }
}
