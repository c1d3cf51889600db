/** Text of a server, without control characters, which a terminal would obey, and without space around it. Line ends and tabs stay. */
export function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '').trim();
}
