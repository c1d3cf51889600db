/** The URL at which items are published, of a server that is given with or without `/publish/` at its end: without its credentials, query and fragment. */
export function publishUrl(server: URL): URL {
  const url = new URL(server);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  url.pathname = `${url.pathname.replace(/(\/publish)?\/*$/, '')}/publish/`;
  return url;
}
