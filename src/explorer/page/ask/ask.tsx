import { useEffect, useState } from 'preact/hooks';
import { concat } from '../../../merkle/tree.ts';
import type { DType } from '../../../program/node.ts';
import { MAX_PROGRAM_BYTES } from '../../../store/programFile.ts';
import { callData, type PlainTerms, REQUESTED, requestCall, wordsIn } from '../abi.ts';
import { programOf } from '../check/model.ts';
import { Unavailable } from '../check/unavailable.ts';
import { useDeployment } from '../live.ts';
import { Amount, Card, Facts } from '../parts.tsx';
import { type Source, useSource } from '../source.ts';
import { durationText } from '../words.ts';
import { Picture } from './picture.tsx';
import { NotValues, pictureIn, tensorOf } from './values.ts';
import { send, useWallets, type Wallet } from './wallet.ts';

/** A tensor that the model takes. */
interface Slot {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

interface Known {
  readonly slots: readonly Slot[];
  readonly terms: PlainTerms;
}

/** An hour: the default where the deployment allows shorter times. */
const HOUR = 3600n;
const longer = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Inputs of a model, from its program checked against the id, and default terms within the oracle's bounds. */
async function readKnown(source: Source, modelId: string, oracle: string): Promise<Known> {
  const file = await source.file(modelId, `program/${modelId.slice(2)}`, MAX_PROGRAM_BYTES);
  if (!file) throw new Unavailable('the program of the model is not here; its page says where it can be had');
  const { program, inputs } = programOf(modelId, file);
  const [claimBondWei = 0n, challengeBondWei = 0n, window = 0n, clock = 0n, patience = 0n] = wordsIn(
    await source.call(oracle, callData('bounds()')),
  );
  return {
    slots: inputs.map(({ node }) => program.nodes[node] as Slot),
    terms: {
      claimBondWei,
      challengeBondWei,
      windowSeconds: longer(window, HOUR),
      clockSeconds: longer(clock, HOUR),
      patienceSeconds: longer(patience, HOUR),
    },
  };
}

/** Ether as a person types it, in wei; undefined for anything else. */
function weiIn(text: string): bigint | undefined {
  const [, whole, part = ''] = /^(\d{1,9})(?:\.(\d{1,18}))?$/.exec(text.trim()) ?? [];
  return whole === undefined ? undefined : BigInt(whole) * 10n ** 18n + BigInt(part.padEnd(18, '0'));
}

type State =
  | { readonly kind: 'editing'; readonly trouble?: string }
  | { readonly kind: 'sending' }
  | { readonly kind: 'asked'; readonly requestId: string };

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

function Asking({
  modelId,
  known,
  wallets,
}: {
  readonly modelId: string;
  readonly known: Known;
  readonly wallets: readonly Wallet[];
}) {
  const { oracle, chainId } = useDeployment();
  const { slots } = known;
  const [inputs, setInputs] = useState<readonly (Uint8Array | string)[]>(() =>
    slots.map(({ dtype, shape }) => {
      const picture = pictureIn(dtype, shape);
      return picture ? new Uint8Array(picture[0] * picture[1]) : '';
    }),
  );
  const [fee, setFee] = useState('0.001');
  const [window, setWindow] = useState(`${known.terms.windowSeconds}`);
  const [state, setState] = useState<State>({ kind: 'editing' });
  const feeWei = weiIn(fee);
  const windowSeconds = /^\d{1,8}$/.test(window) ? BigInt(window) : undefined;

  const ask = async (wallet: Wallet): Promise<void> => {
    try {
      if (feeWei === undefined) throw new NotValues('The fee is no amount of ether.');
      if (windowSeconds === undefined) throw new NotValues('The window is no number of seconds.');
      const tensors = inputs.map((one, i) =>
        typeof one === 'string' ? tensorOf(one, slots[i]!.dtype, slots[i]!.shape) : one,
      );
      setState({ kind: 'sending' });
      const data = requestCall(modelId, concat(tensors), { ...known.terms, windowSeconds }, feeWei);
      const logs = await send(wallet, { chainId, to: oracle, data, valueWei: feeWei });
      const made = logs.find(
        ({ address, topics }) => address.toLowerCase() === oracle.toLowerCase() && topics[0] === REQUESTED,
      );
      if (!made) throw new Error('the transaction was mined and made no request');
      setState({ kind: 'asked', requestId: `${BigInt(made.topics[1] ?? 0)}` });
    } catch (failure) {
      setState({ kind: 'editing', trouble: (failure as Error).message });
    }
  };

  if (state.kind === 'asked')
    return (
      <p role="status">
        The chain has it: <a href={`#/request/${state.requestId}`}>request {state.requestId}</a>.
      </p>
    );
  return (
    <>
      <Card title="What you ask">
        {slots.map((slot, i) => (
          <Field
            key={`${i} ${slot.dtype}`}
            slot={slot}
            index={i}
            change={(next) => setInputs((all) => all.map((one, at) => (at === i ? next : one)))}
          />
        ))}
        <label class="field">
          fee for the answer, in ether
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
      </Card>
      <Card title="What you sign">
        <Facts
          rows={[
            [
              'you pay, besides gas',
              feeWei === undefined ? 'no amount' : <Amount key="fee" wei={`${feeWei}`} />,
            ],
            ['who answers puts up', <Amount key="bond" wei={`${known.terms.claimBondWei}`} />],
            ['final at the earliest after', durationText(Number(windowSeconds ?? 0n))],
            ['unanswered, you can take it back after', durationText(Number(known.terms.patienceSeconds))],
          ]}
        />
        <p>
          Input and answer are public. A false answer becomes final if nobody who has the model looks within
          the window: the longer it is, the safer.
        </p>
        {state.kind === 'sending' ? (
          <p role="status">Waiting for the wallet and the chain …</p>
        ) : wallets.length === 0 ? (
          <p>No wallet is here. Install one that announces itself (EIP-6963), or use `assay request`.</p>
        ) : (
          wallets.map((wallet) => (
            <button key={wallet.info.uuid} type="button" class="main" onClick={() => void ask(wallet)}>
              Ask with {wallet.info.name}
            </button>
          ))
        )}
        {state.kind === 'editing' && state.trouble !== undefined && (
          <p class="trouble" role="alert">
            {state.trouble}
          </p>
        )}
      </Card>
    </>
  );
}

/** A form that asks a model, with a wallet in the browser. */
export function Ask({ modelId }: { readonly modelId: string }) {
  const { oracle, currency } = useDeployment();
  const source = useSource();
  const wallets = useWallets();
  const [known, setKnown] = useState<Known | string>();
  useEffect(() => {
    readKnown(source, modelId, oracle).then(setKnown, (failure: Error) => setKnown(`${failure.message}.`));
  }, [source, modelId, oracle]);
  return (
    <>
      <h1>Ask a model</h1>
      <p class="hash id">{modelId}</p>
      {currency.address !== null ? (
        <p>This deployment takes a token: ask with `assay request`, which allows it what is due.</p>
      ) : known === undefined ? (
        <p class="loading">Loading …</p>
      ) : typeof known === 'string' ? (
        <p class="trouble" role="alert">
          {known}
        </p>
      ) : (
        <Asking modelId={modelId} known={known} wallets={wallets} />
      )}
    </>
  );
}
