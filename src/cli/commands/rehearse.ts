import { InputError } from '../../files/inputError.ts';
import { randomInput, randomRange } from '../../files/randomInput.ts';
import { hexOf } from '../../merkle/keccak.ts';
import { isDouble, realNodes } from '../../onnx/index.ts';
import { deepestNode, type FaultLocation, parseLocation, sampleNodes } from '../../rehearsal/fault.ts';
import { type Rehearsal, rehearseScript } from '../../rehearsal/rehearsal.ts';
import { type DisputeResult, HEADING, lineOf } from '../../rehearsal/result.ts';
import { RunTrace } from '../../trace/run.ts';
import { readInputs } from '../arguments.ts';
import type { Console } from '../console.ts';
import { type EngineOptions, engineOf } from '../models/engines.ts';
import { type ImportArguments, type LoadedModel, loadModel } from '../models/loadModel.ts';
import { refuseUnaccepted, tryCausality } from '../text/loadText.ts';
import { rehearsedTexts } from '../text/rehearsed.ts';

export interface RehearseOptions extends EngineOptions, ImportArguments {
  readonly ask?: string;
  readonly input?: readonly string[];
  readonly fault?: readonly string[];
  readonly everyNode?: boolean;
  readonly sample?: string;
  readonly json?: boolean;
}

/** A model is rehearsed, whatever its inputs mean; the seed makes it the same rehearsal every time. */
const SEED = 1;

/** Nodes to lie at besides those that --fault names; undefined without --every-node and --sample. */
function nodesAsked(nodes: readonly number[], { everyNode, sample }: RehearseOptions): number[] | undefined {
  if (sample === undefined) return everyNode ? [...nodes] : undefined;
  if (everyNode) throw new InputError('--sample and --every-node exclude each other; give one of them', 2);
  if (!/^[1-9]\d{0,9}$/.test(sample)) {
    throw new InputError(`--sample ${sample}: write a whole number of 1 or more`, 2);
  }
  return sampleNodes(nodes, Number(sample));
}

/** Inputs that were not given are made up, and the user is told so. */
function complete(
  given: ReadonlyMap<string, Uint8Array>,
  { inputs }: LoadedModel,
  console: Console,
): Uint8Array[] {
  return inputs.map((slot, i) => {
    const bytes = given.get(slot.name);
    if (bytes) return bytes;
    const { low, high } = randomRange(slot);
    console.err(
      `assay: input "${slot.name}" is random: ${isDouble(slot) ? 'float64' : slot.dtype} in ${low} … ${high}, seed ${SEED + i}`,
    );
    return randomInput(slot, SEED + i);
  });
}

function placesFor(
  { program, labels }: LoadedModel,
  options: RehearseOptions,
  console: Console,
): FaultLocation[] {
  const given = (options.fault ?? []).map((text) => parseLocation(text, program.nodes, labels));
  const asked = nodesAsked(realNodes(program), options);
  if (asked) {
    const named = new Set(given.map(({ node }) => node));
    const rest = asked.filter((node) => !named.has(node)).map((node) => ({ node, element: undefined }));
    return [...given, ...rest].sort((a, b) => a.node - b.node);
  }
  if (given.length > 0) return given;
  const place = deepestNode(program.nodes);
  console.err(`assay: no --fault given: the lie is at node ${place.node}, whose fold is longest`);
  return [place];
}

/** Most gas of one transaction (EIP-7825). */
const TRANSACTION_GAS = 2 ** 24;

/** The chain of a rehearsal has no such limit, real ones have. */
function warnOfGas(what: string, gas: number, console: Console): void {
  if (gas <= TRANSACTION_GAS) return;
  console.err(
    `assay: a ${what} takes ${gas} gas here, more than a transaction on Ethereum may (${TRANSACTION_GAS}): its tensors are too large for calldata`,
  );
}

/** `assay rehearse`: disputes about planted lies, on a chain in this process. */
export async function rehearse(path: string, options: RehearseOptions, console: Console): Promise<void> {
  const engine = engineOf(options, console);
  const loaded = await loadModel(path, options, console);
  if (loaded.text) await tryCausality(path, loaded.text, { always: false, console });
  const { program, labels, model } = loaded;
  const nodes = realNodes(program).length;
  const given = readInputs(options.input ?? [], loaded.inputs);
  const places = placesFor(loaded, options, console);
  const texts = loaded.text && (await rehearsedTexts(loaded.text, options.ask, engine, console));
  const inputs = texts ? texts.right : complete(given, loaded, console);
  const session = await engine.load(program, loaded.weights);
  const traced = async (supplied: readonly Uint8Array[]): Promise<RunTrace> => {
    const { tensors, trees } = await session.runTrace(supplied, (done, of) =>
      console.progress(`running node ${done} of ${of}`),
    );
    return new RunTrace(model, tensors, trees);
  };
  const honest = await traced(inputs);
  if (loaded.text && honest.tensors[program.outputs[0]!]![0] !== 1)
    await refuseUnaccepted(path, loaded.text, console);
  const misled = texts && { wrong: await traced(texts.wrong) };
  const say = (line: string): void => {
    if (!options.json) console.out(line);
  };
  console.progress('starting a chain');
  const falseChallenges = options.everyNode === true || options.sample !== undefined;
  const script = { honest, ...misled, labels, inputs, places, falseChallenges, session };
  const rehearsal = await rehearseScript(script, {
    onStart: ({ request, claim, finalize }) => {
      say(`model ${hexOf(model.id)}, ${nodes} nodes`);
      say(`without a dispute: request ${request} gas, claim ${claim}, finalize ${finalize}`);
      warnOfGas('request', request, console);
      warnOfGas('claim', claim, console);
      say(HEADING);
    },
    onLie: (i) => console.progress(`lie ${i + 1} of ${places.length}: node ${places[i]?.node}`),
    onDispute: (result, kind) => say(`${lineOf(result)}${kind === 'lie' ? '' : ' (false challenge)'}`),
  });
  console.progress(undefined);
  if (options.json) {
    const id = hexOf(model.id);
    console.out(JSON.stringify({ model: id, file: loaded.file, nodes, ...rehearsal }));
  } else {
    summarise(rehearsal, say);
  }
  const wrong = [...rehearsal.disputes, ...rehearsal.falseChallenges].filter(({ ok }) => !ok);
  if (wrong.length > 0) {
    const about = [...new Set(wrong.map(({ fault }) => fault.node))].join(', ');
    throw new InputError(`${wrong.length} disputes did not end as they must, about nodes ${about}`);
  }
}

function summarise({ disputes, falseChallenges, harmless }: Rehearsal, say: (line: string) => void): void {
  for (const { node, why } of harmless) say(`node ${node}: ${why}`);
  if (disputes.length === 0) return;
  const most = (of: (one: DisputeResult) => number | null): string =>
    Math.max(...disputes.map((one) => of(one) ?? 0)).toLocaleString('en-US');
  const found = disputes.filter(({ ok }) => ok).length;
  say(`${found} of ${disputes.length} lies were found at exactly their place and lost`);
  if (falseChallenges.length > 0) {
    const held = falseChallenges.filter(({ ok }) => ok).length;
    say(`${held} of ${falseChallenges.length} false challenges lost against the honest claimant`);
  }
  say(
    `at most: ${most(({ gas }) => gas.total)} gas a dispute, ${most(({ gas }) => gas.leaf)} a leaf, ${most(({ claimantMoves }) => claimantMoves)} moves of the claimant`,
  );
}
