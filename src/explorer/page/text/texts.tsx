import type { ClaimJson, RequestJson } from '../../api.ts';
import { Card } from '../parts.tsx';
import { useSource } from '../source.ts';
import { useFound } from '../useFound.ts';
import type { ReadTexts, Words } from './errand.ts';
import { run } from './run.ts';

/** Claims whose texts are read. */
const MOST_TEXTS = 16;

function Spoken({ words }: { readonly words: Words | undefined }) {
  if (!words) return <dd>it is not here</dd>;
  return 'why' in words ? <dd>It cannot be read: {words.why}.</dd> : <dd class="written">{words.text}</dd>;
}

/** A prompt and the texts that were claimed, in words. */
export function Texts({
  request,
  claims,
}: {
  readonly request: RequestJson;
  readonly claims: readonly ClaimJson[];
}) {
  const source = useSource();
  const shown = claims.slice(0, MOST_TEXTS);
  const ids = shown.map(({ id }) => id).join();
  const read = async (): Promise<ReadTexts | string> => {
    const description = await source.words(request.model);
    if (!description) return 'nobody here knows what the tokens of the model mean';
    const [input, ...answers] = await Promise.all([
      source.input(request),
      ...shown.map((claim) => source.answer(claim)),
    ]);
    return run('texts', { kind: 'read', description, input, answers });
  };
  const texts = useFound(
    () => read().catch((failure: Error) => failure.message),
    [source, request.model, request.id, ids],
  );
  return (
    <Card title="In words">
      {texts === undefined ? (
        <p class="loading">Reading …</p>
      ) : typeof texts === 'string' ? (
        <p>It cannot be read: {texts}.</p>
      ) : (
        <>
          <dl class="texts">
            <div>
              <dt>prompt</dt>
              <Spoken words={texts.prompt} />
            </div>
            {shown.map((claim, i) => (
              <div key={claim.id}>
                <dt>claim {claim.number} goes on</dt>
                <Spoken words={texts.answers[i]} />
              </div>
            ))}
          </dl>
          <p class="note">
            The chain knows tokens only; what they mean is said by whoever published the model.{' '}
            <em>Verify</em> tells whether a claim is right.
          </p>
        </>
      )}
    </Card>
  );
}
