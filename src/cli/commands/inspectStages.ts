import { EngineError } from '../../engine/engine.ts';
import { printStages } from '../../engine/passes/stages.ts';
import { SIMD128 } from '../../engine/wasm/target.ts';
import { InputError } from '../../files/inputError.ts';
import { parseWhole } from '../arguments.ts';
import type { Console } from '../console.ts';
import { type ImportArguments, loadModel } from '../models/loadModel.ts';

export interface StageOptions extends ImportArguments {
  readonly node?: string;
  readonly stages?: boolean;
  readonly json?: boolean;
}

/**
 * `assay inspect --node N --stages`: the kernel of one node after each pass of the engine.
 *
 * @throws InputError if no node is named, or the node has no kernel of its own
 */
export async function inspectStages(path: string, options: StageOptions, console: Console): Promise<void> {
  if (!options.stages) throw new InputError('--node is about stages: add --stages', 2);
  if (options.node === undefined)
    throw new InputError('--stages is about one node: name it by --node N, as `assay inspect` numbers it', 2);
  const node = Number(parseWhole('--node', options.node));
  const { program, weights, labels } = await loadModel(path, options, console);
  console.progress(undefined);
  try {
    const stages = printStages(program, node, SIMD128, weights);
    if (options.json) {
      console.out(JSON.stringify({ node, label: labels[node] ?? '', stages }));
      return;
    }
    console.out(`node ${node}: ${labels[node] ?? ''}`);
    for (const { pass, text, changed } of stages) {
      console.out('');
      console.out(`── ${pass}${changed ? '' : ': no change'}`);
      if (changed) console.out(text);
    }
  } catch (error) {
    if (error instanceof EngineError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}
