/** A host or route of a Mongrel2 site that cannot be matched. The message says which one, where in it, and what was expected. */
export class SiteRouteError extends Error {
  override readonly name = 'SiteRouteError';
}
