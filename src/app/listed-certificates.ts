import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import type { CertificatesBackend } from '../control/index.ts';
import { unreadable } from './certificate-file.ts';
import { certificateFolders } from './certificate-folders.ts';
import type { CertificatePairs } from './certificates.ts';

type Listed = Awaited<ReturnType<CertificatesBackend['list']>>[number];

/** Certificates of one folder that are listed. */
const MAX_LISTED = 1_000;

/**
 * The certificates that listeners may use: those of their folders, and those that were set, which come before them.
 * @param sourceOf says where one that was set is kept
 */
export async function listedCertificates(
  config: Config,
  pairs: CertificatePairs,
  sourceOf: (name: string) => Listed['source'],
): Promise<Listed[]> {
  const byName = new Map<string, Listed>();
  for (const { source, folder } of certificateFolders(config)) {
    if (source !== 'file') continue;
    const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.crt')).sort();
    for (const file of files.slice(0, MAX_LISTED)) {
      const name = file.slice(0, -'.crt'.length);
      // A file that is not a certificate cannot be used by any listener.
      const listed = await contentOf(join(folder, file)).then(
        (content) => shown(name, content, 'file'),
        () => null,
      );
      if (listed !== null) byName.set(name, listed);
    }
  }
  for (const [name, { cert }] of Object.entries(pairs)) {
    const listed = shown(name, Buffer.from(cert), sourceOf(name));
    if (listed !== null) byName.set(name, listed);
  }
  return [...byName.values()];
}

/** @throws Error for a file that cannot be read, or is not a regular file of a usable size */
async function contentOf(path: string): Promise<Buffer> {
  const problem = unreadable(await stat(path));
  if (problem !== null) throw new Error(problem);
  return readFile(path);
}

function shown(name: string, content: Buffer, source: Listed['source']): Listed | null {
  try {
    const { subjectAltName = '', validTo } = new X509Certificate(content);
    const names = Array.from(subjectAltName.matchAll(/(?:DNS|IP Address):([^,\s]+)/g), ([, host]) => host as string);
    return { name, names, expires: new Date(validTo).toISOString(), source };
  } catch {
    return null;
  }
}
