"""Makes the files beside it: tiny language models with random weights, exported by the usual tools.

    pip install torch==2.6.0 transformers==4.53.3 optimum-onnx==0.1.0 onnxruntime==1.32.0 \
      onnxscript==0.7.2
    pip install --no-deps onnxruntime-genai==0.11.2
    python test/text/exported/make.py
"""
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import onnx
import torch
from optimum.exporters.onnx import onnx_export_from_model
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig, PhiConfig, Qwen2Config

FOLDER = Path(__file__).parent
COMMON = {"vocab_size": 40, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32}
CONFIGS = {
    "llama": LlamaConfig(**COMMON, **SIZES, num_key_value_heads=1, tie_word_embeddings=True, initializer_range=0.4),
    "qwen2": Qwen2Config(**COMMON, **SIZES, num_key_value_heads=1, initializer_range=0.4),
    "gpt2": GPT2Config(**COMMON, n_embd=32, n_layer=2, n_head=2, n_positions=32, initializer_range=0.4),
    "gpt_neox": GPTNeoXConfig(**COMMON, **SIZES, initializer_range=0.4),
    "phi": PhiConfig(**COMMON, **{**SIZES, "num_attention_heads": 1}, partial_rotary_factor=0.5, initializer_range=0.4),
}


def model_of(name):
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(CONFIGS[name]).eval()


def save(name, path):
    model = onnx.load(path)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    del model.graph.value_info[:]
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
    print(name, len(model.graph.node), (FOLDER / f"{name}.onnx").stat().st_size)


def optimum(name, task, label):
    with tempfile.TemporaryDirectory() as folder:
        onnx_export_from_model(model_of(name), output=Path(folder), task=task, do_validation=False)
        for path in sorted(Path(folder).glob("*.onnx")):
            save(f"optimum_{name}_{label}{'' if path.stem == 'model' else '_' + path.stem}", path)


def genai(name, precision, provider, label):
    from onnxruntime_genai.models.builder import create_model
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        model_of(name).save_pretrained(source)
        try:
            create_model("", str(source), str(Path(folder) / "out"), precision, provider, str(Path(folder) / "cache"))
        except (TypeError, ValueError):
            pass  # It looks for a tokenizer, once the model is written.
        save(f"genai_{name}_{label}", Path(folder) / "out" / "model.onnx")


def torch_dynamo(name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model = model_of(name)
        model.config.use_cache = False
        ids = torch.zeros((1, 6), dtype=torch.int64)
        batch, sequence = torch.export.Dim("batch"), torch.export.Dim("sequence", min=2, max=32)
        torch.onnx.export(
            model, (), path, kwargs={"input_ids": ids, "attention_mask": torch.ones_like(ids)}, dynamo=True,
            dynamic_shapes={"input_ids": {1: sequence}, "attention_mask": {1: sequence}},
            input_names=["input_ids", "attention_mask"], output_names=["logits"], external_data=False)
        save(f"torch_{name}", path)


optimum("llama", "text-generation", "plain")
for architecture in CONFIGS:
    optimum(architecture, "text-generation-with-past", "past")
genai("llama", "fp32", "cpu", "fp32")
genai("phi", "fp32", "cpu", "fp32")
genai("qwen2", "int4", "cpu", "int4")
# With MultiHeadAttention and a mask that is computed, since the grouped operator is in fp16 only there.
genai("qwen2", "fp32", "cuda", "multi_head")
torch_dynamo("gpt2")
