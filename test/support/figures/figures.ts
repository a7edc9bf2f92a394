import { performance } from 'node:perf_hooks';
import type { Model } from '../../../examples/models/model.ts';
import { programInputs } from '../../../examples/models/model.ts';
import { inspectProgram } from '../../../src/cli/models/inspection.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import { importOnnx, realNodes } from '../../../src/onnx/index.ts';
import { byteLengthOf, type Program } from '../../../src/program/node.ts';
import { rehearseScript } from '../../../src/rehearsal/rehearsal.ts';
import { RunTrace } from '../../../src/trace/run.ts';
import { macsOf } from '../bench/program.ts';

/** A row of the table of models. All but the time is the same on every machine. */
export interface Figures {
  readonly weights: string;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly weightBytes: number;
  readonly nodes: number;
  readonly macs: number;
  /** Nodes at which a lie was told. */
  readonly lies: readonly number[];
  /** Gas of the dearest of those disputes, both sides together, and of the dearest transaction with a leaf. */
  readonly gas: number;
  readonly leafGas: number;
  /** Answers of the claimant, most. */
  readonly claimantMoves: number;
}

export interface Measured extends Figures {
  /** Time of the fastest of some runs. */
  readonly milliseconds: number;
  /** Lies that were not found at exactly their place, as sentences. */
  readonly problems: readonly string[];
}

/** Gas that a round costs about, to find out which disputes are the dearest. */
const ROUND_GAS = 75_000;

/**
 * Nodes to lie at: half of them those whose disputes should be the dearest by the static rule, half spread over the
 * program.
 */
export function placesOf(program: Program, descriptors: readonly Uint8Array[], count: number): number[] {
  const reports = inspectProgram(program, descriptors, program.nodes.map(String));
  const loops = reports.filter(({ leaf }) => leaf !== null);
  const cost = ({ claimantMoves, leaf }: (typeof reports)[number]) =>
    claimantMoves * ROUND_GAS + (leaf?.gas ?? 0);
  const dearest = [...loops]
    .sort((a, b) => cost(b) - cost(a) || a.node - b.node)
    .slice(0, Math.ceil(count / 2));
  const rest = count - dearest.length;
  const spread = Array.from(
    { length: rest },
    (_, i) => loops[Math.floor(((i + 0.5) * loops.length) / rest)]!,
  );
  return [...new Set([...dearest, ...spread].map(({ node }) => node))].sort((a, b) => a - b);
}

/** Enough runs that the engine's code is optimized, and that nothing else disturbs at least one of them. */
const RUNS = 25;

/**
 * Imports a model, runs it on one thread of the fast engine and rehearses disputes about lies at some nodes.
 *
 * @throws Unavailable if the model must be fetched and cannot be
 */
export async function measure(model: Model, lies: number): Promise<Measured> {
  const compiled = importOnnx(model.bytes(), model.options);
  const { program, labels } = compiled;
  const committed = modelOf(program);
  const inputs = programInputs(compiled, model.inputs());
  const session = await wasmEngineWith({ threads: 1 }).load(program, compiled.weights);
  let milliseconds = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    await session.run(inputs);
    milliseconds = Math.min(milliseconds, performance.now() - start);
  }
  const { tensors, trees } = await session.runTrace(inputs);
  const honest = new RunTrace(committed, tensors, trees);
  const nodes = placesOf(program, committed.descriptors, lies);
  const places = nodes.map((node) => ({ node, element: undefined }));
  const script = { honest, labels, inputs, places, falseChallenges: false, session };
  const silent = { onStart: () => undefined, onLie: () => undefined, onDispute: () => undefined };
  const { disputes, harmless } = await rehearseScript(script, silent);
  await session.close();
  const most = (value: (one: (typeof disputes)[number]) => number | null): number =>
    disputes.reduce((greatest, one) => Math.max(greatest, value(one) ?? 0), 0);
  const bytes = (nodes: readonly number[]): number =>
    nodes.reduce((sum, node) => sum + byteLengthOf(program.nodes[node]!), 0);
  return {
    weights: model.weights,
    inputBytes: bytes(program.inputs),
    outputBytes: bytes(program.outputs),
    weightBytes: bytes([...compiled.weights.keys()]),
    nodes: realNodes(program).length,
    macs: macsOf(program),
    lies: nodes,
    gas: most(({ gas }) => gas.total),
    leafGas: most(({ gas }) => gas.leaf),
    claimantMoves: most(({ claimantMoves }) => claimantMoves),
    milliseconds,
    problems: [
      ...disputes
        .filter(({ ok }) => !ok)
        .map(({ fault, reason }) => `a lie at node ${fault.node} was not found where it is: ${reason}`),
      ...harmless.map(({ node, why }) => `node ${node}: ${why}`),
    ],
  };
}
