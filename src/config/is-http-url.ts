/** Whether a text is a URL for a request over HTTP. */
export function isHttpUrl(value: string): boolean {
  return /^https?:\/\/[!-~]+$/.test(value) && URL.canParse(value);
}
