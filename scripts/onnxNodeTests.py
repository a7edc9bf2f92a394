"""Writes the node tests of the installed package onnx into a folder that `assay conform` reads.

    python scripts/onnxNodeTests.py FOLDER

Each test becomes FOLDER/<name>/model.onnx and FOLDER/<name>/test_data_set_<n>/{input,output}_<i>.pb, as in the data
folder of ONNX's repository. Fails if a test cannot be written.
"""

import sys
import warnings
from pathlib import Path

import onnx
from onnx.backend.test.case.node import collect_testcases
from onnx.numpy_helper import from_array, from_dict, from_list, from_optional

# How a value is stored, by the field of its declared type (onnx.TypeProto).
STORED_BY = {
    "tensor_type": from_array,
    "sparse_tensor_type": from_array,
    "sequence_type": from_list,
    "map_type": from_dict,
    "optional_type": from_optional,
}


def stored(value, declared):
    """The message of a value that is an input or output of a model."""
    if isinstance(value, onnx.TensorProto):
        return value
    return STORED_BY[declared.type.WhichOneof("value")](value, declared.name)


def write(case, folder):
    graph = case.model.graph
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for number, (given, expected) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir(exist_ok=True)
        for kind, values, declared in (("input", given, graph.input), ("output", expected, graph.output)):
            for place, (value, one) in enumerate(zip(values, declared, strict=False)):
                message = stored(value, one)
                (data / f"{kind}_{place}.pb").write_bytes(message.SerializeToString())


def main(target):
    # Tests of extreme values overflow on purpose while their data are computed.
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    cases = collect_testcases(None)
    for case in cases:
        write(case, Path(target) / case.name)
    print(f"{len(cases)} tests of onnx {onnx.__version__} in {target}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
