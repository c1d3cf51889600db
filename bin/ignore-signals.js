// Signals that a server does not act on. Without a listener SIGHUP and SIGUSR2 end a process at once, and SIGUSR1 opens Node's debugger. The
// launcher loads this before anything else, and workers are started with `--require` of it. A command that acts on one of them adds a
// listener of its own.
'use strict';

for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP']) process.on(signal, () => {});
