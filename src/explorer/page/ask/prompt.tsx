import { useEffect, useState } from 'preact/hooks';
import type { Format, Packed, SamplingText } from '../text/errand.ts';
import { run } from '../text/run.ts';
import { countText } from '../words.ts';

/** A prompt is made tokens of once nobody has typed for so long, ms. */
const REST_MS = 300;

const FIELDS = [
  ['seed', 'seed, a whole number'],
  ['temperature', 'temperature; 0 takes the likeliest token'],
  ['candidates', 'likeliest tokens to choose from; 0 for all'],
] as const;

export interface PromptProps {
  readonly description: Uint8Array;
  /** Is told the input that the prompt makes, and undefined while there is none. */
  readonly change: (input: Uint8Array | undefined) => void;
}

/** A prompt, made the model's input as it is typed. */
export function Prompt({ description, change }: PromptProps) {
  const [format, setFormat] = useState<Format>();
  const [text, setText] = useState('');
  const [sampling, setSampling] = useState<SamplingText>({ seed: '0', temperature: '1', candidates: '0' });
  const [packed, setPacked] = useState<Packed | string>();
  useEffect(() => {
    run('format', { kind: 'format', description }).then(setFormat, (failure: Error) =>
      setPacked(failure.message),
    );
  }, [description]);
  useEffect(() => {
    change(undefined);
    if (text === '' || !format) return;
    let isWanted = true;
    const pack = (): void => {
      const drawn = format.sampled ? sampling : undefined;
      run('packed', { kind: 'pack', description, text, sampling: drawn }).then(
        (one) => {
          if (!isWanted) return;
          setPacked(one);
          change(one.input);
        },
        (failure: Error) => isWanted && setPacked(failure.message),
      );
    };
    const timer = setTimeout(pack, REST_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [text, sampling, format, description]);
  return (
    <>
      <label class="field">
        prompt, which the model goes on from
        <textarea rows={4} value={text} onInput={({ currentTarget: { value } }) => setText(value)} />
      </label>
      {format?.sampled &&
        FIELDS.map(([name, words]) => (
          <label key={name} class="field">
            {words}
            <input
              value={sampling[name]}
              inputMode="decimal"
              onInput={({ currentTarget: { value } }) =>
                setSampling((all) => ({ ...all, [name]: value.trim() }))
              }
            />
          </label>
        ))}
      <p role="status">
        {typeof packed === 'string'
          ? `The prompt cannot be asked: ${packed}`
          : packed && text !== ''
            ? `${countText(packed.tokens, 'token')} of ${format?.prompt ?? 0}${packed.read === text ? '' : `; the tokenizer reads it as “${packed.read}”`}. The answer has at most ${countText(format?.tokens ?? 0, 'token')}.`
            : ''}
      </p>
    </>
  );
}
