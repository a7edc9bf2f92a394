import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Run, samplesOf, speechIn } from '../../examples/speech/detect.ts';
import { runOnEngine } from '../../examples/speech/engine.ts';
import { CONTEXT, modelFile, options, SAMPLE_RATE, STATE, WINDOW } from '../../examples/speech/model.ts';
import { availableOrSkip } from '../support/available.ts';
import { floats, runOnnxruntime, value } from '../support/onnx.ts';
import { expectAgreement } from '../support/realModel.ts';

/** Recordings of Debian's package pocketsphinx-testdata, raw 16-bit samples at 16 kHz, and where in them is speech. */
const FOLDER = '/usr/share/pocketsphinx/test/data';
const RECORDINGS = [{ name: 'goforward.raw', silent: [0.1, 0.4], spoken: [0.6, 1.1], after: 2.4 }] as const;

const inputsOf = (window: Float32Array, state: Float32Array) => ({
  input: floats([1, CONTEXT + WINDOW], [...window]),
  state: floats([2, 1, 128], [...state]),
  sr: value('int64', [], [SAMPLE_RATE]),
});

describe('the speech example', function () {
  this.timeout(120_000);
  let run: Run;
  let file: Uint8Array;

  before(async function () {
    file = await availableOrSkip(this, modelFile);
    run = await runOnEngine();
  });

  /** The recording's samples; skips the test where the recording is not installed. */
  function recording(test: Mocha.Context, name: string): Float32Array {
    const path = `${FOLDER}/${name}`;
    if (!existsSync(path)) {
      console.error(`      ${path} is missing: apt-get install pocketsphinx-testdata`);
      test.skip();
    }
    return samplesOf(readFileSync(path));
  }

  for (const { name, silent, spoken, after } of RECORDINGS) {
    it(`finds where somebody speaks in ${name}`, async function () {
      const probabilities = await speechIn(recording(this, name), run);
      const between = (from: number, to: number) =>
        probabilities.filter((_, i) => (i * WINDOW) / SAMPLE_RATE >= from && (i * WINDOW) / SAMPLE_RATE < to);
      expect(Math.max(...between(...silent)), 'before').to.be.below(0.1);
      expect(Math.min(...between(...spoken)), 'speech').to.be.above(0.8);
      expect(Math.max(...between(after, Number.POSITIVE_INFINITY)), 'after').to.be.below(0.1);
    });
  }

  it('hears no speech in silence', async () => {
    const probabilities = await speechIn(new Float32Array(SAMPLE_RATE), run);
    expect(Math.max(...probabilities)).to.be.below(0.1);
  });

  it('agrees with onnxruntime about every window of a sentence, state included', async function () {
    const samples = recording(this, 'something.raw').subarray(0, 40 * WINDOW);
    const mine = await speechIn(samples, run);
    const theirs = await speechIn(samples, async (window, state) => {
      const [output, next] = await runOnnxruntime(file, inputsOf(window, state), ['output', 'stateN']);
      return { probability: output!.values[0]!, state: Float32Array.from(next!.values) };
    });
    expect(Math.max(...mine), 'there is speech').to.be.above(0.9);
    mine.forEach((probability, i) => {
      expect(Math.abs(probability - theirs[i]!), `window ${i}`).to.be.at.most(1e-4 * theirs[i]!);
    });
  });

  it('hands on the state that onnxruntime does', async function () {
    const samples = recording(this, 'numbers.raw');
    const window = samples.slice(20_000, 20_000 + CONTEXT + WINDOW);
    await expectAgreement(file, options, inputsOf(window, new Float32Array(STATE).fill(0.1)));
  });
});
