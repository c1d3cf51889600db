// Imported before anything else by whatever may be started on an old Node, so that its owner reads one clear line instead of
// a syntax error. Written in what every Node that knows ES modules understands.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Holdfast needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}
