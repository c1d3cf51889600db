import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Stops a process, and resolves when it stands still: after the signal its threads may run on for tens of milliseconds, on a busy machine. Linux tells; elsewhere nothing is waited for. */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while (!threadStates(pid).every((state) => state === 'T')) await setTimeout(1);
}

/** Empty where there is no /proc. Throws if the process is gone. */
function threadStates(pid: number): string[] {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`).map((id) => threadState(pid, id)) : [];
}

function threadState(pid: number, id: string): string {
  try {
    // The name of the program is in parentheses, and may have some itself.
    return /.*\) (.)/s.exec(readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1'))?.[1] ?? '';
  } catch {
    return 'ended meanwhile';
  }
}
