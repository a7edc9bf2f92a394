import type { Session } from '../engine/engine.ts';
import { InputError } from '../files/inputError.ts';
import { equalBytes } from '../merkle/keccak.ts';
import { blockOf, isCheckpoint } from '../program/blocks.ts';
import { ELEMENT_BYTES, type Node, sizeOf } from '../program/node.ts';
import { xorshift32 } from '../scalar/xorshift32.ts';
import { type Fault, keepFrom, plantFaults, plantFaultsOn } from '../trace/fault.ts';
import type { Trace } from '../trace/trace.ts';

/** The location of a lie; `element` is undefined if the user named none. */
export interface FaultLocation {
  readonly node: number;
  readonly element: number | undefined;
}

/**
 * `NODE[:ELEMENT]`; NODE is a node's index or its name, as `assay inspect` lists them. Names may contain colons.
 *
 * @param names of the nodes, in order
 * @throws InputError if there is no such node or element
 */
export function parseLocation(text: string, nodes: readonly Node[], names: readonly string[]): FaultLocation {
  const indexOf = (name: string): number => {
    if (/^\d+$/.test(name)) return Number(name) < nodes.length ? Number(name) : -1;
    return names.indexOf(name);
  };
  const whole = indexOf(text);
  if (whole >= 0) return { node: whole, element: undefined };
  const colon = text.lastIndexOf(':');
  const node = indexOf(colon < 0 ? text : text.slice(0, colon));
  const found = nodes[node];
  if (!found) {
    throw new InputError(
      `--fault ${text}: there is no such node; give an index from 0 to ${nodes.length - 1} or a name from \`assay inspect\``,
    );
  }
  const element = text.slice(colon + 1);
  const count = sizeOf(found.shape);
  if (!/^\d{1,10}$/.test(element) || Number(element) >= count) {
    const range = count === 0 ? 'it has none' : `give one from 0 to ${count - 1}`;
    throw new InputError(`--fault ${text}: there is no such element in node ${node}; ${range}`);
  }
  return { node, element: Number(element) };
}

/** The node whose dispute is longest: the one with the most fold steps, the first of those. */
export function deepestNode(nodes: readonly Node[]): FaultLocation {
  const steps = nodes.map((node) =>
    node.kind === 'loop' ? sizeOf(node.fold) * Math.min(1, sizeOf(node.shape)) : -1,
  );
  return { node: steps.indexOf(Math.max(...steps)), element: undefined };
}

/** Seed of the sample. It has many bits set: from a seed of few bits the first numbers are small, and draw the first nodes. */
const SEED = 0x9e3779b9;

/** Draws at most `count` of the nodes at random, the same ones every time. @returns them in node order */
export function sampleNodes(nodes: readonly number[], count: number): number[] {
  const next = xorshift32(SEED);
  const drawn = nodes.map((node) => ({ node, key: next() }));
  const chosen = drawn.sort((a, b) => a.key - b.key).slice(0, count);
  return chosen.map(({ node }) => node).sort((a, b) => a - b);
}

/** Top bit of a float's fraction: a visible error of at most half the value, never an infinity. */
const FLOAT_FLIP = 0x00400000;
const INTEGER_FLIP = 1;

/** A lie of a claimant or of a challenger, and the trace that goes with it. */
export interface Lie {
  readonly fault: Fault;
  readonly trace: Trace;
  /** Whether the lie by itself changes an output. */
  readonly reachesOutput: boolean;
}

/** The middle element, and in a fold the middle step: both have neighbours to be told from. */
function faultAt({ node, element }: FaultLocation, nodes: readonly Node[]): Fault {
  const at = nodes[node] as Node;
  const steps = at.kind === 'loop' ? sizeOf(at.fold) : 0;
  return {
    node,
    element: element ?? Math.floor(sizeOf(at.shape) / 2),
    xor: at.dtype === 'f32' ? FLOAT_FLIP : INTEGER_FLIP,
    ...(steps > 1 ? { step: Math.floor(steps / 2) } : {}),
  };
}

const differIn = (nodes: readonly number[], a: Trace, b: Trace): boolean =>
  nodes.some((node) => !equalBytes(a.tensors[node] as Uint8Array, b.tensors[node] as Uint8Array));

/** A lie in the first tensor that has an element. */
function lieIn(candidates: readonly number[], nodes: readonly Node[]): Fault | undefined {
  const node = candidates.find((one) => sizeOf((nodes[one] as Node).shape) > 0);
  if (node === undefined) return undefined;
  const { dtype } = nodes[node] as Node;
  return { node, element: 0, xor: ELEMENT_BYTES[dtype] === 1 ? 1 : FLOAT_FLIP };
}

/**
 * A lie at one place, after which the liar goes on computing honestly from it. Where that ends in the right output
 * after all (a rounding or a ReLU has swallowed it), the claim would be right, so the liar changes an output too; where
 * it ends inside its block, a checkpoint of that block. Those are lies later in the trace, that the dispute must not be
 * led to.
 *
 * @param session runs what follows from the lie
 * @returns undefined if nothing that follows from the node is an output, so that no claim can depend on it
 */
export async function plantLie(
  honest: Trace,
  place: FaultLocation,
  session: Session,
): Promise<Lie | undefined> {
  const { model, depth } = honest;
  const { nodes, outputs } = model.program;
  const fault = faultAt(place, nodes);
  const from = [...nodes.keys()].slice(place.node);
  const isInBlock = (node: number): boolean => blockOf(node, depth) === blockOf(place.node, depth);
  const handedOn = from.filter((node) => isInBlock(node) && isCheckpoint(model.program, node));
  const ends = from.filter((node) => outputs.includes(node));
  const lies = [fault];
  let trace = await plantFaultsOn(session, honest, lies);
  if (!differIn(handedOn, trace, honest)) {
    const lie = lieIn(handedOn, nodes);
    if (!lie) return undefined;
    lies.push(lie);
    trace = await plantFaultsOn(session, honest, lies);
  }
  if (!differIn(ends, trace, honest)) {
    const lie = lieIn(ends, nodes);
    if (!lie) return undefined;
    const kept = keepFrom(trace, [...lies]);
    lies.push(lie);
    trace = plantFaults(honest, lies, kept);
  }
  return { fault, trace, reachesOutput: lies.length === 1 };
}
