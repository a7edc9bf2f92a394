import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nodeGpu } from '../../../src/work/nodeGpu.ts';

/** Where Debian's chromium keeps SwiftShader, a Vulkan driver on the CPU, and the loader of drivers. */
const FOLDER = process.env['ASSAY_SWIFTSHADER'] ?? '/usr/lib/chromium';
const LOADER = join(FOLDER, 'libvulkan.so.1');
const DRIVER = join(FOLDER, 'vk_swiftshader_icd.json');

/** RTLD_LAZY and RTLD_NODELETE of dlopen: the library stays, though it is no module of Node. */
const KEPT = 0x1001;

/** Why there is no test on a device, and what to do. */
export const NO_DEVICE = `no package webgpu, or no Vulkan driver in ${FOLDER}; install Debian's chromium, or set ASSAY_SWIFTSHADER to the folder of libvk_swiftshader.so`;

/** Memory of workgroups is cleared by the shader; what the driver has for it takes a second of compiling. */
const CLEARED_BY_SHADER = 'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension';

/** WebGPU by Dawn on SwiftShader, which flushes subnormal floats, as some GPUs do; undefined where one is missing. */
export async function softwareGpu(): Promise<GPU | undefined> {
  if (process.platform !== 'linux' || !existsSync(LOADER) || !existsSync(DRIVER)) return undefined;
  process.env['VK_DRIVER_FILES'] = DRIVER;
  try {
    process.dlopen({ exports: {} }, LOADER, KEPT);
  } catch {
    // It is no module of Node, which is found out after it is loaded.
  }
  return nodeGpu(['backend=vulkan', CLEARED_BY_SHADER]);
}
