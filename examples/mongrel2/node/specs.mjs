/** The two endpoints that every example is given. Without them, prints the usage and exits with code 2. */
export function specs(file) {
  const [sendSpec, recvSpec] = process.argv.slice(2);
  if (recvSpec === undefined || process.argv.length > 4) {
    console.error(`usage: ${file} SEND_SPEC RECV_SPEC`);
    process.exit(2);
  }
  return { sendSpec, recvSpec };
}
