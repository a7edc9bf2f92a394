import { useEffect, useRef, useState } from 'preact/hooks';
import { larger } from '../../../chain/bigints.ts';
import { PLAIN_TERMS, type Terms } from '../../../chain/contracts/types.ts';
import { request } from '../../../client/client.ts';
import { type Model, splitTensors, totalBytes } from '../../../merkle/model.ts';
import { hexRoots } from '../../../merkle/tensor.ts';
import { concat } from '../../../merkle/tree.ts';
import type { DType } from '../../../program/node.ts';
import { MAX_PROGRAM_BYTES } from '../../../store/programFile.ts';
import { Deed } from '../act/deed.tsx';
import { programOf } from '../check/model.ts';
import { Unavailable } from '../check/unavailable.ts';
import { useDeployment } from '../live.ts';
import { Amount, Card, Fold } from '../parts.tsx';
import { type PageSource, useSource } from '../source.ts';
import { durationText } from '../words.ts';
import { amountIn } from './amount.ts';
import { readBounds } from './bounds.ts';
import { Picture } from './picture.tsx';
import { Prompt } from './prompt.tsx';
import { NotValues, pictureIn, tensorOf } from './values.ts';

/** A tensor that the model takes. */
interface Slot {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

interface Known {
  readonly model: Model;
  readonly slots: readonly Slot[];
  readonly terms: Terms;
  /** Description of the tokens of a model that writes text. */
  readonly description: Uint8Array | undefined;
}

/** An hour: the default where the deployment allows shorter times. */
const HOUR = 3600n;

/** Inputs of a model, from its program checked against the id, and default terms within the oracle's bounds. */
async function readKnown(source: PageSource, modelId: string, oracle: string): Promise<Known> {
  const file = await source.file(modelId, `program/${modelId.slice(2)}`, MAX_PROGRAM_BYTES);
  if (!file) throw new Unavailable('the program of the model is not here; its page says where it can be had');
  const model = programOf(modelId, file);
  const description = model.answers.length > 0 ? await source.words(modelId) : undefined;
  if (model.answers.length > 0 && !description)
    throw new Unavailable('nobody here knows what the tokens of the model mean; `assay request --text` does');
  const least = await readBounds(source, oracle);
  return {
    model,
    description,
    slots: model.inputs.map(({ node }) => model.program.nodes[node] as Slot),
    terms: {
      ...PLAIN_TERMS,
      ...least,
      windowSeconds: larger(least.windowSeconds, HOUR),
      clockSeconds: larger(least.clockSeconds, HOUR),
      patienceSeconds: larger(least.patienceSeconds, HOUR),
    },
  };
}

function Field(props: {
  readonly slot: Slot;
  readonly index: number;
  readonly change: (bytes: Uint8Array | string) => void;
}) {
  const { slot, index, change } = props;
  const picture = pictureIn(slot.dtype, slot.shape);
  const [pixels, setPixels] = useState(new Uint8Array(picture ? picture[0] * picture[1] : 0));
  const about = `input ${index}, ${slot.dtype} [${slot.shape.join(', ')}]`;
  if (picture)
    return (
      <fieldset>
        <legend>{about}</legend>
        <Picture
          width={picture[0]}
          height={picture[1]}
          pixels={pixels}
          change={(next) => {
            setPixels(next as Uint8Array<ArrayBuffer>);
            change(next);
          }}
        />
      </fieldset>
    );
  return (
    <label class="field">
      {about}: numbers with spaces between them
      <textarea rows={4} onInput={({ currentTarget: { value } }) => change(value)} />
    </label>
  );
}

/** A link that gives bytes as a file. */
function SaveInput({ make }: { readonly make: () => Uint8Array }) {
  const link = useRef<HTMLAnchorElement>(null);
  const [trouble, setTrouble] = useState('');
  const save = (): void => {
    try {
      const url = URL.createObjectURL(new Blob([make() as Uint8Array<ArrayBuffer>]));
      if (link.current) link.current.href = url;
      link.current?.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      setTrouble('');
    } catch (failure) {
      setTrouble((failure as Error).message);
    }
  };
  return (
    <>
      <button type="button" onClick={save}>
        Save the input as a file
      </button>
      {/* biome-ignore lint/a11y/useAnchorContent: nobody sees it; the button presses it */}
      {/* biome-ignore lint/a11y/useValidAnchor: its address is made when the button is pressed */}
      <a ref={link} download="input.bin" hidden aria-hidden="true" tabIndex={-1} />
      {trouble !== '' && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
    </>
  );
}

function Asking({ modelId, known }: { readonly modelId: string; readonly known: Known }) {
  const { currency } = useDeployment();
  const { slots, terms } = known;
  const [inputs, setInputs] = useState<readonly (Uint8Array | string)[]>(() =>
    slots.map(({ dtype, shape }) => {
      const picture = pictureIn(dtype, shape);
      return picture ? new Uint8Array(picture[0] * picture[1]) : '';
    }),
  );
  const [fee, setFee] = useState('0.001');
  const [window, setWindow] = useState(`${terms.windowSeconds}`);
  const [prompt, setPrompt] = useState<Uint8Array>();
  const [uri, setUri] = useState('');
  const feeWei = amountIn(fee, currency.decimals);
  const windowSeconds = /^\d{1,8}$/.test(window) ? BigInt(window) : undefined;

  const pack = (): Uint8Array => {
    if (known.description) {
      if (!prompt) throw new NotValues('There is no prompt that the model takes.');
      if (prompt.length !== totalBytes(known.model.inputs))
        throw new NotValues('What is said about the tokens is about another model.');
      return prompt;
    }
    return concat(
      inputs.map((one, i) =>
        typeof one === 'string' ? tensorOf(one, slots[i]!.dtype, slots[i]!.shape) : one,
      ),
    );
  };

  return (
    <>
      <Card title="What you ask">
        {known.description && <Prompt description={known.description} change={setPrompt} />}
        {(known.description ? [] : slots).map((slot, i) => (
          <Field
            key={`${i} ${slot.dtype}`}
            slot={slot}
            index={i}
            change={(next) => setInputs((all) => all.map((one, at) => (at === i ? next : one)))}
          />
        ))}
        <label class="field">
          fee for the answer, in {currency.symbol}
          <input value={fee} inputMode="decimal" onInput={({ currentTarget: { value } }) => setFee(value)} />
        </label>
        <label class="field">
          window in which a claim can be challenged, in seconds
          <input
            value={window}
            inputMode="numeric"
            onInput={({ currentTarget: { value } }) => setWindow(value)}
          />
        </label>
        <Fold summary="Put only the root of the input on chain">
          <p>
            Then the input lies where you say, and has to be there until the answer is final: who cannot read
            it can neither answer nor check.
          </p>
          <SaveInput make={pack} />
          <label class="field">
            where the input will be, https:// or ipfs://; left empty, the input itself goes on chain
            <input
              value={uri}
              inputMode="url"
              onInput={({ currentTarget: { value } }) => setUri(value.trim())}
            />
          </label>
        </Fold>
      </Card>
      <Card title="What you sign">
        <Deed
          verb="Ask"
          facts={[
            [
              'you pay, besides gas',
              feeWei === undefined ? 'no amount' : <Amount key="fee" wei={`${feeWei}`} />,
            ],
            ['who answers puts up', <Amount key="bond" wei={`${terms.claimBondWei}`} />],
            ['final at the earliest after', durationText(Number(windowSeconds ?? 0n))],
            ['unanswered, you can take it back after', durationText(Number(terms.patienceSeconds))],
          ]}
          risk="Input and answer are public. A false answer becomes final if nobody who has the model looks within the window: the longer it is, the safer."
          pays
          send={async (contracts) => {
            if (feeWei === undefined) throw new NotValues(`The fee is no amount of ${currency.symbol}.`);
            if (windowSeconds === undefined) throw new NotValues('The window is no number of seconds.');
            const bytes = pack();
            const given =
              uri === '' ? bytes : { roots: hexRoots(splitTensors(known.model.inputs, bytes)), uri };
            const asked = await request(contracts, modelId, given, { ...terms, windowSeconds }, feeWei);
            return (
              <>
                The chain has it: <a href={`#/request/${asked.requestId}`}>request {`${asked.requestId}`}</a>.
              </>
            );
          }}
        />
      </Card>
    </>
  );
}

/** A form that asks a model, with a wallet in the browser. */
export function Ask({ modelId }: { readonly modelId: string }) {
  const { oracle } = useDeployment();
  const source = useSource();
  const [known, setKnown] = useState<Known | string>();
  useEffect(() => {
    readKnown(source, modelId, oracle).then(setKnown, (failure: Error) => setKnown(`${failure.message}.`));
  }, [source, modelId, oracle]);
  return (
    <>
      <p class="hash id">{modelId}</p>
      {known === undefined ? (
        <p class="loading">Loading …</p>
      ) : typeof known === 'string' ? (
        <p class="trouble" role="alert">
          {known}
        </p>
      ) : (
        <Asking modelId={modelId} known={known} />
      )}
    </>
  );
}
