import { ensure, quoted } from '../../onnx/errors.ts';
import type { GgufFile } from './file.ts';

/**
 * Keys of the metadata, without the name of the architecture before them. llama.cpp (llama-arch.cpp) has many that change
 * what is computed; those that are neither read nor listed here are refused.
 */

/** Keys that `llama.ts` and {@link angleDivisor} read. */
const READ: ReadonlySet<string> = new Set([
  'block_count',
  'embedding_length',
  'feed_forward_length',
  'context_length',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.layer_norm_rms_epsilon',
  'attention.sliding_window',
  'rope.freq_base',
  'rope.dimension_count',
  'rope.scaling.type',
  'rope.scaling.factor',
  'rope.scale_linear',
]);

/** Keys without influence on the numbers of models that {@link READ} describes. */
const HARMLESS: ReadonlySet<string> = new Set([
  'vocab_size',
  'tensor_data_layout',
  'expert_used_count',
  'rope.scaling.finetuned',
  'rope.scaling.original_context_length',
]);

/** Values with which a key changes nothing. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  expert_count: 0,
  pooling_type: 0,
  logit_scale: 1,
  embedding_scale: 1,
  residual_scale: 1,
  attn_logit_softcapping: 0,
  final_logit_softcapping: 0,
  'attention.causal': true,
  'attention.clamp_kqv': 0,
  'attention.max_alibi_bias': 0,
  'rope.scaling.attn_factor': 1,
};

/** @throws Refusal for a file that is no whole model, and for keys that may change what is computed */
export function refuseOtherKeys(file: GgufFile, architecture: string): void {
  const type = file.value('general.type') ?? 'model';
  ensure(type === 'model', () => `its "general.type" is ${quoted(`${type}`)}, not "model"`);
  const parts = file.value('split.count') ?? 1;
  ensure(
    Number(parts) <= 1,
    () => `it is one of ${parts} parts; join them with llama-gguf-split --merge FIRST out.gguf`,
  );
  const suppressed = file.value('tokenizer.ggml.suppress_tokens') ?? [];
  ensure(
    Array.isArray(suppressed) && suppressed.length === 0,
    'it never chooses some tokens ("tokenizer.ggml.suppress_tokens"), which is not supported',
  );
  for (const key of file.keys) {
    if (!key.startsWith(`${architecture}.`)) continue;
    const name = key.slice(architecture.length + 1);
    if (READ.has(name) || HARMLESS.has(name)) continue;
    const isNeutral = Object.hasOwn(NEUTRAL, name) && file.value(key) === NEUTRAL[name];
    ensure(isNeutral, () => `its ${quoted(key)} may change what it computes, which is not supported`);
  }
}

/**
 * The number that angles of positions are divided by: 1, or the factor of linear scaling, which is the default if there is a
 * factor (llama-model.cpp, `load_hparams`).
 *
 * @throws Refusal for other ways to scale positions
 */
export function angleDivisor(file: GgufFile, architecture: string): number {
  const key = (name: string): string => `${architecture}.rope.${name}`;
  const type = file.value(key('scaling.type')) ?? 'linear';
  if (type === 'none') return 1;
  ensure(
    type === 'linear',
    () => `its positions are scaled (${quoted(`${type}`)}), which is supported only if they are "linear"`,
  );
  const factor = file.number(key('scaling.factor'), file.number(key('scale_linear'), 1));
  ensure(factor >= 0, () => `its ${quoted(key('scaling.factor'))} is ${factor}`);
  // llama.cpp takes 0 as left out.
  return factor === 0 ? 1 : factor;
}
