// Runs the generator and fails if a file it wrote differs from the one that was there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['contracts', 'examples', 'ignition', 'src', 'test'];
const generator = 'scripts/generate.ts';

function digests(): Map<string, string> {
  const files = folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return new Map(files.map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]));
}

if (!existsSync(generator)) {
  console.log('nothing is generated yet');
} else {
  const before = digests();
  const { status } = spawnSync(process.execPath, ['scripts/bootstrap.mjs', generator], {
    stdio: 'inherit',
  });
  const after = digests();
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (file) => before.get(file) !== after.get(file),
  );
  for (const file of changed) console.error(`${file} was out of date; it is rewritten, commit it`);
  if (status !== 0 || changed.length > 0) process.exitCode = 1;
}
