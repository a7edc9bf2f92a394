// Shows where in a recording somebody speaks: a bar for each window of 32 ms.
//
//   npx tsx examples/speech/main.ts recording.raw      16-bit samples at 16 kHz, one channel
import { readFileSync } from 'node:fs';
import { samplesOf, speechIn } from './detect.ts';
import { runOnEngine } from './engine.ts';
import { SAMPLE_RATE, WINDOW } from './model.ts';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('give a file of 16-bit samples at 16 kHz');
const probabilities = await speechIn(samplesOf(readFileSync(path)), await runOnEngine());
probabilities.forEach((probability, i) => {
  const seconds = ((i * WINDOW) / SAMPLE_RATE).toFixed(2);
  console.log(
    `${seconds.padStart(6)} s  ${probability.toFixed(3)}  ${'#'.repeat(Math.round(40 * probability))}`,
  );
});
process.exit();
