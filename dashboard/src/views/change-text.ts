/** A change of a reload in one line: `server.max_connections: 1000 → 2000`. Members that nobody knows are shown as they are. */
export function changeText({
  what,
  from,
  to,
  ...others
}: {
  readonly what: string;
  readonly [member: string]: unknown;
}): string {
  const values = from === undefined && to === undefined ? [] : [`${word(from)} → ${word(to)}`];
  const details = [...values, ...Object.entries(others).map(([member, value]) => `${member} ${word(value)}`)];
  return details.length === 0 ? what : `${what}: ${details.join(', ')}`;
}

function word(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(word).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
