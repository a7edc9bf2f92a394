// Writes the small model to glass.onnx with its tokenizer beside it, for the command line:
//
//   npx tsx examples/text/write.ts [FOLDER]
//   npx assay run --text FOLDER/glass.onnx --prompt 8 --tokens 120 --ask "Once upon a time"
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeGraph } from './file.ts';
import { glassGraph, glassTokenizer } from './glass.ts';

const folder = process.argv[2] ?? '.cache/text';
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'glass.onnx'), encodeGraph(glassGraph(), 'glass'));
writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(glassTokenizer()));
console.log(join(folder, 'glass.onnx'));
