import type { LeafJson, StepJson } from '../api.ts';
import { countText } from './words.ts';

/** Boxes of one level that are drawn; a chunk of bytes has 256. */
const MOST_BOXES = 256;

const TITLES: Readonly<Record<StepJson['level'], string>> = {
  trace: 'trace',
  block: 'block',
  tensor: 'tensor',
  chunk: 'chunk',
  fold: 'sum',
};

/** The label of a box: `nodes 16 to 31`, `element 4`. */
function boxText({ unit, first, size, end }: StepJson, box: number): string {
  const from = first + box * size;
  const to = Math.min(from + size, end) - 1;
  const name = unit.replace(/s$/, '');
  return to > from ? `${name}s ${from} to ${to}` : `${name} ${from}`;
}

function stepText(step: StepJson): string {
  const { level, boxes, picked } = step;
  const shown: Readonly<Record<StepJson['level'], string>> = {
    trace: `${countText(boxes, 'hash', 'hashes')} of the trace`,
    block: `the tensors of a block, ${countText(boxes, 'hash', 'hashes')}`,
    tensor: `${countText(boxes, 'hash', 'hashes')} of the disputed tensor`,
    chunk: `${countText(boxes, 'element')} of the disputed chunk`,
    fold: `the sum in ${countText(boxes, 'part')}`,
  };
  const first =
    picked === null
      ? 'nothing is picked yet'
      : `the first difference is ${step.size > 1 ? 'in ' : ''}${boxText(step, picked)}`;
  return `The claimant shows ${shown[level]}; ${first}.`;
}

function Level({ step }: { readonly step: StepJson }) {
  const { level, boxes, picked, values } = step;
  const drawn = Math.min(boxes, MOST_BOXES);
  return (
    <li class="level">
      <p class="level-name">{TITLES[level]}</p>
      <div class={level === 'chunk' ? 'boxes small' : 'boxes'} aria-hidden="true">
        {Array.from({ length: drawn }, (_, box) => {
          const kind = picked === null ? '' : box < picked ? 'agreed' : box === picked ? 'picked' : 'open';
          const value = values?.[box];
          const about = `${boxText(step, box)}${value === undefined ? '' : `: ${value}`}`;
          return <span key={box} class={`box ${kind}`} title={about} />;
        })}
      </div>
      <p class="level-text">{stepText(step)}</p>
    </li>
  );
}

function Leaf({ leaf }: { readonly leaf: LeafJson }) {
  const { computed, claimed, before } = leaf;
  const isWrong = computed !== null && computed.word !== claimed.word;
  return (
    <li class="level leaf">
      <p class="level-name">leaf</p>
      <div class="verdict">
        <div>
          <p>Both agree on, before step {leaf.from}</p>
          <p class="value">{before.value}</p>
          <p class="hash">{before.word}</p>
        </div>
        <div class="lost">
          <p>The claimant says, after step {leaf.to}</p>
          <p class="value">{claimed.value}</p>
          <p class="hash">{claimed.word}</p>
        </div>
        <div class="won">
          <p>The chain computes</p>
          <p class="value">{computed?.value ?? 'the node does not answer'}</p>
          <p class="hash">{computed?.word ?? ''}</p>
        </div>
      </div>
      <p class="level-text">
        The chain ran {countText(leaf.to - leaf.from, 'step')} of element {leaf.element} of node {leaf.node}{' '}
        itself, on {countText(leaf.witnessBytes, 'byte')} opened against the claimant's own commitment
        {isWrong ? ', and got another word. So the claim is false.' : '.'}
      </p>
    </li>
  );
}

/** The walk from the trace down to one piece of arithmetic. Both sides agree on everything to the left of a pick. */
export function Walk({ walk, leaf }: { readonly walk: readonly StepJson[]; readonly leaf: LeafJson | null }) {
  if (walk.length === 0) return <p>The claimant has shown nothing yet.</p>;
  return (
    <>
      <p class="legend">
        <span>
          <span class="box agreed" /> agreed
        </span>
        <span>
          <span class="box picked" /> first difference
        </span>
        <span>
          <span class="box open" /> not looked at
        </span>
      </p>
      <ol class="walk">
        {walk.map((step, i) => (
          <Level key={i} step={step} />
        ))}
        {leaf && <Leaf leaf={leaf} />}
      </ol>
    </>
  );
}
