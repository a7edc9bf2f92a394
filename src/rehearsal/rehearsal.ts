import type { Session } from '../engine/engine.ts';
import { type Node, sizeOf } from '../program/node.ts';
import type { Trace } from '../trace/trace.ts';
import { playDispute } from './dispute.ts';
import { type FaultLocation, plantLie } from './fault.ts';
import { type DisputeResult, resultOf } from './result.ts';
import { claimOf, playUndisputed, type Stage, setStage } from './stage.ts';

/** The script of a rehearsal: an honest run, and where to lie. */
export interface Script {
  readonly honest: Trace;
  /** For a model that checks answers: an honest run on a wrong answer, which lies turn into a false claim. */
  readonly wrong?: Trace;
  /** A description of each node, for people. */
  readonly labels: readonly string[];
  readonly inputs: readonly Uint8Array[];
  readonly places: readonly FaultLocation[];
  /** Whether every lie is also told by a challenger, against an honest claim. */
  readonly falseChallenges: boolean;
  /** Runs what follows from a lie. */
  readonly session: Session;
}

export interface Rehearsal {
  /** Gas of each transaction of a request that nobody disputes. */
  readonly undisputed: { readonly request: number; readonly claim: number; readonly finalize: number };
  readonly disputes: readonly DisputeResult[];
  readonly falseChallenges: readonly DisputeResult[];
  /** Places at which no lie can make a claim false. */
  readonly harmless: readonly { readonly node: number; readonly why: string }[];
}

export interface RehearsalListener {
  /** The chain is up and the honest way was played. */
  onStart(undisputed: Rehearsal['undisputed']): void;
  onLie(index: number): void;
  onDispute(result: DisputeResult, kind: 'lie' | 'false challenge'): void;
}

/** Plays one dispute from the stage's state and goes back to it, so that all start alike. */
async function rehearseOne(stage: Stage, claimant: Trace, challenger: Trace, supplied = claimant) {
  const back = await stage.chain.snapshot();
  try {
    const { claim, history } = await claimOf(stage, supplied);
    return await playDispute(stage.chain, history, claim, {
      claimant: { contracts: stage.claimant, trace: claimant },
      challenger: { contracts: stage.challenger, trace: challenger },
    });
  } finally {
    await back();
  }
}

/** Plays a dispute about every lie, on a chain in this process. */
export async function rehearseScript(script: Script, audience: RehearsalListener): Promise<Rehearsal> {
  const { honest, labels, places } = script;
  const wrong = script.wrong ?? honest;
  const { nodes } = honest.model.program;
  const stage = await setStage(honest, script.inputs);
  const disputes: DisputeResult[] = [];
  const falseChallenges: DisputeResult[] = [];
  const harmless: { node: number; why: string }[] = [];
  try {
    const back = await stage.chain.snapshot();
    const undisputed = await playUndisputed(stage, honest);
    await back();
    audience.onStart(undisputed);
    for (const [i, place] of places.entries()) {
      audience.onLie(i);
      const label = labels[place.node] ?? '';
      if (sizeOf((nodes[place.node] as Node).shape) === 0) {
        harmless.push({ node: place.node, why: 'its tensor is empty, so there is nothing to lie about' });
        continue;
      }
      const lie = await plantLie(wrong, place, script.session);
      if (!lie) {
        harmless.push({
          node: place.node,
          why: 'no output depends on it, so no claim can be false through it',
        });
        continue;
      }
      // An answer is claimed as it is: the lie is what the trace says of it.
      const supplied = script.wrong ?? lie.trace;
      const lost = resultOf(lie, await rehearseOne(stage, lie.trace, wrong, supplied), 'challenger', label);
      disputes.push(lost);
      audience.onDispute(lost, 'lie');
      if (!script.falseChallenges) continue;
      const doubt = script.wrong ? await plantLie(honest, place, script.session) : lie;
      if (!doubt) throw new Error(`node ${place.node} matters on one run and not on another`);
      const held = resultOf(doubt, await rehearseOne(stage, honest, doubt.trace), 'claimant', label);
      falseChallenges.push(held);
      audience.onDispute(held, 'false challenge');
    }
    return { undisputed, disputes, falseChallenges, harmless };
  } finally {
    await stage.chain.close();
  }
}
