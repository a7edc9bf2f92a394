// Fails if package-lock.json lacks a package for another platform, or the version of one:
// npm leaves such gaps when a registry does not answer for it, and then `npm ci` refuses to start.
import { readFileSync } from 'node:fs';

interface Entry {
  readonly version?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const paths = Object.keys(lock.packages);

for (const [path, { version, link, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  const gaps = Object.keys(optionalDependencies).filter(
    (name) => !paths.some((other) => other.endsWith(`node_modules/${name}`)),
  );
  for (const name of gaps) console.error(`package-lock.json lacks ${name}, which ${path} names`);
  if (!version && !link) console.error(`package-lock.json has no version of ${path}`);
  if (gaps.length > 0 || (!version && !link)) process.exitCode = 1;
}
