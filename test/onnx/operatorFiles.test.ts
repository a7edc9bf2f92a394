import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { LOWERINGS } from '../../src/onnx/operators/index.ts';
import { merged } from '../../src/onnx/operators/merged.ts';

const folder = join(import.meta.dirname, '../../src/onnx/operators');

/** The page that defines an operator. */
function pageOf(name: string): string {
  const [, domain = '', operator = ''] = /^(?:(.*)\.)?(\w+)$/.exec(name) ?? [];
  return domain === 'com.microsoft'
    ? `https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#${name}`
    : `https://onnx.ai/onnx/operators/onnx_${domain.replaceAll('.', '')}_${operator}.html`;
}

describe('the files of operators', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(^|[/\\])[A-Z]\w*\.ts$/.test(file))
    .map((file) => ({ file, source: readFileSync(join(folder, file), 'utf8') }));

  it('link the page of each operator, and no other page', () => {
    const linked = files.flatMap(({ source }) =>
      [...source.matchAll(/@see (https:\S+)/g)].map(([, page = '']) => page),
    );
    expect(linked.sort()).to.deep.equal([...LOWERINGS.keys()].map(pageOf).sort());
  });

  it('have no operator twice', () => {
    const lowering = () => [];
    expect(() => merged({ Add: lowering }, { Sub: lowering })).not.to.throw();
    expect(() => merged({ Add: lowering }, { Add: lowering })).to.throw('Add has two lowerings');
  });
});
