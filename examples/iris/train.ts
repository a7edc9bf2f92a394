// Trains the trees and writes `iris.onnx`: the same bytes on every run, on every machine.
//
//   npx tsx examples/iris/train.ts
import { writeFileSync } from 'node:fs';
import { boost } from './boosting.ts';
import { SPECIES, training } from './dataset.ts';
import { encodeModel } from './onnx.ts';
import { SETTINGS } from './settings.ts';

const file = new URL('iris.onnx', import.meta.url);
writeFileSync(file, encodeModel(boost(training(), SPECIES.length, SETTINGS)));
