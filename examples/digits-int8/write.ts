// Writes `digits-int8.onnx`: the same bytes on every run, on every machine.
//
//   npx tsx examples/digits-int8/write.ts
import { writeFileSync } from 'node:fs';
import { quantisedModel } from './quantise.ts';

writeFileSync(new URL('digits-int8.onnx', import.meta.url), await quantisedModel());
process.exit();
