import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Why there is no browser test, and what to do. */
export const NO_CHROMIUM = `no ${NAMES.join(', ')} in PATH; install one (Debian: apt-get install chromium) or set ASSAY_CHROMIUM to its path`;

/** The longest wait for a page to show something: a busy machine takes its time. */
const PATIENCE_MS = 120_000;

/** The browser to test with: `ASSAY_CHROMIUM`, or what lies in PATH. */
export function findChromium(): string | undefined {
  const binary = process.env['ASSAY_CHROMIUM'];
  if (binary) return binary;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) =>
    existsSync(path),
  );
}

const WITHOUT_GPU = ['--disable-gpu'];
/**
 * WebGPU on SwiftShader, the Vulkan driver on the CPU that Chromium brings along. Memory of workgroups is cleared by the
 * shader; what the driver has for it takes a second of compiling.
 */
const WITH_SOFTWARE_GPU = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
];

/** Starts a browser that has no past and calls nobody. */
export async function openChromium(
  executablePath: string,
  { gpu = 'none' }: { readonly gpu?: 'none' | 'software' } = {},
): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), 'assay-chromium-'));
  const forget = (): void =>
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  const launched = chromium.launchPersistentContext(profile, {
    executablePath,
    timeout: PATIENCE_MS,
    headless: true,
    chromiumSandbox: false,
    args: [
      ...(gpu === 'none' ? WITHOUT_GPU : WITH_SOFTWARE_GPU),
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  launched.catch(forget);
  const context = await launched;
  context.setDefaultTimeout(PATIENCE_MS);
  return { context, close: () => context.close().finally(forget) };
}
