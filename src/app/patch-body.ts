import jsonPatch from 'fast-json-patch';

/**
 * Applies an RFC 6902 patch to a JSON text; null when either is invalid, the document is neither an object nor an array, or an
 * operation fails.
 */
export function patchBody(document: string, patch: readonly unknown[]): string | null {
  try {
    const value: unknown = JSON.parse(document);
    if (typeof value !== 'object' || value === null) return null;
    // Validated, applied to the copy, and without access to prototypes.
    const result = jsonPatch.applyPatch(value, patch as jsonPatch.Operation[], true, true, true);
    return JSON.stringify(result.newDocument);
  } catch {
    return null;
  }
}
