/** How many spans a collector says it has rejected of a request that it took (OTLP, partial success). Whatever is not a proper response rejects none. */
export function rejectedSpans(body: Buffer): number {
  if (body.length === 0) return 0;
  try {
    const { partialSuccess } = JSON.parse(body.toString('utf8')) as {
      partialSuccess?: { rejectedSpans?: unknown } | null;
    };
    const count = Number(partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  } catch {
    return 0;
  }
}
