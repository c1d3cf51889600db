import { DiskStore } from '../../../src/history/index.ts';
import { FakeLog } from '../fake-log.ts';

/** Opens the store in the folder that is named, as a user who may not pass over permissions, and prints why that is refused. */
const [, , path = ''] = process.argv;
// After the imports: `nobody` may not be able to read them.
if (process.getuid?.() === 0) process.setuid?.(65_534);
try {
  const store = await DiskStore.open({ path, maxBytes: 65_536, log: new FakeLog() });
  await store.stop();
} catch (error) {
  process.stdout.write(String(error));
}
