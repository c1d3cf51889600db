// Stands for the new process of an upgrade: it takes as many steps as its argument says, and then ends, fails or waits.
const [steps, then] = process.argv.slice(2);
let left = Number(steps);

function step(message) {
  if (left-- > 0) process.send(message);
  else if (then === 'exits') process.exit(3);
  else if (then === 'dies') process.kill(process.pid, 'SIGKILL');
  else if (then === 'fails') process.send({ kind: 'failed', reason: 'no such key' }, () => process.exit(1));
}

process.on('message', (message) => {
  if (message.kind === 'listening') step({ kind: 'ready' });
  else if (message.kind === 'batch') step({ kind: 'taken', batch: message.batch, refused: [] });
  else if (message.kind === 'done') process.exit(0);
});
step({ kind: 'loaded' });
