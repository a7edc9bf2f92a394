import { claimedRefs, type Model, splitTensors } from '../../merkle/model.ts';
import type { TensorRef } from '../../program/interface.ts';
import type { ClaimJson, RequestJson } from '../api.ts';
import { pictureIn } from './ask/values.ts';
import { isAnswer, isInput } from './check/commitments.ts';
import { type NamedTensor, valuesOf } from './check/tensorValues.ts';
import { Drawing } from './drawing.tsx';
import { Card } from './parts.tsx';
import { readProgram } from './readProgram.ts';
import { type PageSource, useSource } from './source.ts';
import { useFound } from './useFound.ts';
import { Output } from './values.tsx';

/** Claims whose answers are shown. */
const MOST_CLAIMS = 16;

/** The tensors that bytes hold, as the program has them. */
const tensorsIn = (
  { program }: Model,
  refs: readonly TensorRef[],
  bytes: Uint8Array,
  name: string,
): NamedTensor[] =>
  splitTensors(refs, bytes).map((tensor, i) => {
    const { dtype, shape } = program.nodes[refs[i]!.node]!;
    return { name: `${name} ${i}`, dtype, shape, bytes: tensor };
  });

interface Contents {
  readonly claims: readonly ClaimJson[];
  /** Undefined if they are given by root, or are not what is committed to. */
  readonly input: readonly NamedTensor[] | undefined;
  readonly answers: readonly (readonly NamedTensor[] | undefined)[];
}

/** @returns undefined if the program of the model is not here, which says what the bytes mean */
async function readContents(
  source: PageSource,
  request: RequestJson,
  claims: readonly ClaimJson[],
): Promise<Contents | undefined> {
  const model = await readProgram(source, request.model);
  if (!model) return undefined;
  const [input, ...answers] = await Promise.all([
    request.inputUri === null ? source.input(request) : undefined,
    ...claims.map((claim) => (claim.answerUri === null ? source.answer(claim) : undefined)),
  ]);
  return {
    claims,
    input:
      input && isInput(model, input, request) ? tensorsIn(model, model.inputs, input, 'input') : undefined,
    answers: answers.map((bytes, i) =>
      bytes && isAnswer(model, bytes, claims[i]!)
        ? tensorsIn(model, claimedRefs(model), bytes, 'output')
        : undefined,
    ),
  };
}

function Tensor({ tensor }: { readonly tensor: NamedTensor }) {
  const { name, dtype, shape, bytes } = tensor;
  const picture = pictureIn(dtype, shape);
  if (!picture) return <Output {...valuesOf(tensor)} />;
  const [width, height] = picture;
  return (
    <Drawing width={width} height={height} pixels={bytes} about={`${name}, ${width} by ${height} bytes`} />
  );
}

const Tensors = ({ tensors }: { readonly tensors: readonly NamedTensor[] | undefined }) =>
  tensors ? (
    tensors.map((tensor) => <Tensor key={tensor.name} tensor={tensor} />)
  ) : (
    <p>Its bytes are not here.</p>
  );

/** The input of a request and what its claims say, as pictures and numbers, where the model's program is here. */
export function Contents({
  request,
  claims,
}: {
  readonly request: RequestJson;
  readonly claims: readonly ClaimJson[];
}) {
  const source = useSource();
  const ids = claims.map(({ id, outputs }) => `${id} ${outputs}`).join();
  const contents = useFound(
    () => readContents(source, request, claims.slice(0, MOST_CLAIMS)),
    [source, request.id, request.inputs, ids],
  );
  if (!contents) return null;
  return (
    <Card title="Question and answers">
      <dl class="contents">
        <div>
          <dt>asked</dt>
          <dd>
            <Tensors tensors={contents.input} />
          </dd>
        </div>
        {contents.claims.map((claim, i) => (
          <div key={claim.id}>
            <dt>claim {claim.number} says</dt>
            <dd>
              <Tensors tensors={contents.answers[i]} />
            </dd>
          </div>
        ))}
      </dl>
      <p class="note">
        These bytes are what request and claims commit to. <em>Verify</em> tells whether an answer is right.
      </p>
    </Card>
  );
}
