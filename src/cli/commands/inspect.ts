import { hexOf } from '../../merkle/keccak.ts';
import type { BoundInput } from '../../onnx/index.ts';
import { blockOf, depthOf } from '../../program/blocks.ts';
import { type Node, sizeOf } from '../../program/node.ts';
import { INSTRUCTION_SET_VERSION } from '../../scalar/instructions.ts';
import { formatOf } from '../../text/prompt.ts';
import type { Console } from '../console.ts';
import { inspectProgram, type NodeReport } from '../models/inspection.ts';
import { type ImportArguments, type LoadedModel, loadModel } from '../models/loadModel.ts';

export interface InspectOptions extends ImportArguments {
  readonly json?: boolean;
}

const foldSteps = (nodes: readonly Node[]): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'loop' ? sizeOf(node.shape) * sizeOf(node.fold) : 0), 0);

const bytesOf = (reports: readonly NodeReport[]): number =>
  reports.reduce((sum, { bytes }) => sum + bytes, 0);

const greatest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);

function totalsOf({ program }: LoadedModel, reports: readonly NodeReport[]) {
  const { nodes } = program;
  const computed = reports.filter(({ kind }) => kind === 'loop');
  const checkpoints = computed.filter(({ checkpoint }) => checkpoint);
  return {
    nodes: reports.length,
    blocks: 1 + blockOf(nodes.length - 1, depthOf(nodes.length)),
    checkpoints: checkpoints.length,
    tensors: computed.length,
    foldSteps: foldSteps(nodes),
    weightBytes: bytesOf(reports.filter(({ kind }) => kind === 'constant')),
    checkpointBytes: bytesOf(checkpoints),
    tensorBytes: bytesOf(computed),
    worstLeafWitnessBytes: greatest(reports.map(({ leaf }) => leaf?.witnessBytes ?? 0)),
    worstLeafGas: greatest(reports.map(({ leaf }) => leaf?.gas ?? 0)),
    mostClaimantMoves: greatest(reports.map(({ claimantMoves }) => claimantMoves)),
  };
}

/** `assay inspect`: what a model compiles to, and bounds on what a dispute about it may cost. */
export async function inspect(path: string, options: InspectOptions, console: Console): Promise<void> {
  const loaded = await loadModel(path, options, console);
  if (loaded.text) {
    const { tryCausality } = await import('../text/loadText.ts');
    await tryCausality(path, loaded.text, { always: false, console });
  }
  const { model, program, labels, inputs, outputs, bound } = loaded;
  const nodes = inspectProgram(program, model.descriptors, labels);
  const totals = totalsOf(loaded, nodes);
  console.progress(undefined);
  if (options.json) {
    const id = hexOf(model.id);
    const version = INSTRUCTION_SET_VERSION;
    const fixed = bound.map(boundJson);
    const { file } = loaded;
    const answers = loaded.text
      ? { answers: loaded.text.model.answers, text: formatOf(loaded.text.model) }
      : {};
    console.out(
      JSON.stringify({ model: id, file, version, inputs, ...answers, bound: fixed, outputs, totals, nodes }),
    );
    return;
  }
  const grouped = (n: number): string => n.toLocaleString('en-US');
  const listed = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
  console.out(`model ${hexOf(model.id)}, instruction set ${INSTRUCTION_SET_VERSION}`);
  for (const { name, onnxType, shape, node, range } of inputs) {
    const taken = range ? `, values ${range.low} … ${range.high}` : '';
    console.out(`input  ${name}: ${onnxType} ${listed(shape)}, node ${node}${taken}`);
  }
  for (const { name, onnxType, shape, values } of bound.map(boundJson)) {
    console.out(`bound  ${name}: ${onnxType} ${listed(shape)}${values ? ` = ${values.join(' ')}` : ''}`);
  }
  for (const { name, onnxType, shape, node } of loaded.text?.model.answers ?? []) {
    console.out(`answer ${name}: ${onnxType} ${listed(shape)}, node ${node}`);
  }
  for (const { name, onnxType, shape, node } of outputs) {
    console.out(`output ${name}: ${onnxType} ${listed(shape)}, node ${node}`);
  }
  if (loaded.text) {
    const { prompt, tokens, vocabulary, sampled } = formatOf(loaded.text.model);
    console.out(
      `text   up to ${tokens} tokens after a prompt of up to ${prompt}, from a vocabulary of ${grouped(vocabulary)}, ` +
        (sampled ? 'drawn by seed, temperature and number of candidates' : 'the likeliest one always'),
    );
  }
  console.out(
    `${totals.nodes} nodes, ${grouped(totals.foldSteps)} fold steps, ` +
      `${grouped(totals.weightBytes)} bytes of weights, ${grouped(totals.tensorBytes)} bytes computed`,
  );
  console.out(
    `${totals.blocks} ${totals.blocks === 1 ? 'block' : 'blocks'}; the root of a trace commits to ` +
      `${totals.checkpoints} of ${totals.tensors} tensors computed, ${grouped(totals.checkpointBytes)} bytes`,
  );
  console.out(
    `a dispute takes at most ${totals.mostClaimantMoves} moves of the claimant; ` +
      `its leaf at most ${grouped(totals.worstLeafGas)} gas and ${grouped(totals.worstLeafWitnessBytes)} bytes of openings`,
  );
  console.out('');
  console.out(row('node', 'shape', 'fold', 'grain', 'bytes', 'moves', 'leaf bytes', 'leaf gas', 'what'));
  for (const { node, dtype, shape, fold, grain, bytes, claimantMoves, leaf, label } of nodes) {
    console.out(
      row(
        `${node}`,
        `${dtype} ${shape.join('×') || 'scalar'}`,
        fold.join('×') || '–',
        `${grain ?? '–'}`,
        grouped(bytes),
        `${claimantMoves}`,
        leaf ? grouped(leaf.witnessBytes) : '–',
        leaf ? grouped(leaf.gas) : '–',
        label,
      ),
    );
  }
}

/** Values of a bound input that are told; larger ones go by their shape. */
const TOLD_VALUES = 16;

const boundJson = ({ name, onnxType, shape, values }: BoundInput) => ({
  name,
  onnxType,
  shape,
  values: values.length <= TOLD_VALUES ? Array.from(values) : null,
});

function row(...cells: readonly string[]): string {
  const widths = [5, 18, 12, 7, 11, 6, 10, 9];
  const padded = cells.map((cell, i) => {
    const width = widths[i];
    if (width === undefined) return cell;
    return i === 1 || i === 2 ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join('  ').trimEnd();
}
