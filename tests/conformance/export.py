#!/usr/bin/env python3
"""Writes the backend tests of the PyPI package `onnx` as folders of files that onnx_cases reads.

    export.py FOLDER

A case is FOLDER/<suite>/<name>/ with model.onnx, input_<k>.npy, output_<k>.npy and tol.txt. Inputs that decide the
shapes of results (the target of a Reshape) become constants of the model, since nnc knows every shape when it compiles.
Left out: cases with values that are no tensors of numbers, and with sizes that are not given.
"""
import os
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

SUITES = ["node", "simple", "pytorch-operator", "pytorch-converted"]

# Operator -> positions of the inputs that decide shapes.
DECIDING = {
    "AffineGrid": [1], "BlackmanWindow": [0], "CenterCropPad": [1], "Col2Im": [1, 2], "ConstantOfShape": [0],
    "CumProd": [1], "CumSum": [1], "DFT": [1, 2], "Dropout": [1, 2], "Expand": [1], "HammingWindow": [0],
    "HannWindow": [0], "Loop": [0, 1], "MaxUnpool": [2], "MelWeightMatrix": [0, 1, 2, 3, 4], "OneHot": [1], "Pad": [1, 3],
    "Range": [0, 1, 2], "Reshape": [1], "Resize": [1, 2, 3], "STFT": [1, 3], "Slice": [1, 2, 3, 4], "Split": [1],
    "Squeeze": [1], "Tile": [1], "TopK": [1], "Trilu": [1], "Unsqueeze": [1], "Upsample": [1],
    **{"Reduce" + kind: [1] for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum",
                                         "SumSquare")}}


def inputs_of(node):
    """The values that a node reads, those of its branches and bodies included."""
    inner = [name for attribute in node.attribute for child in attribute.g.node for name in inputs_of(child)]
    return list(node.input) + inner


def fixed_inputs(graph):
    """The graph inputs from which deciding operands are computed, but by their shapes."""
    producer = {output: node for node in graph.node for output in node.output}
    inputs = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    pending = [node.input[k] for node in graph.node for k in DECIDING.get(node.op_type, []) if k < len(node.input)]
    fixed, seen = set(), set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in inputs:
            fixed.add(name)
        elif name in producer and producer[name].op_type not in ("Shape", "Size"):
            pending.extend(inputs_of(producer[name]))
    return fixed


def data_of(case):
    """The model of a case, and its first set of inputs and outputs."""
    if case.model is not None:
        return case.model, *case.data_sets[0]
    model = onnx.load(os.path.join(case.model_dir, "model.onnx"))
    folder = os.path.join(case.model_dir, "test_data_set_0")

    def read(kind):
        arrays = []
        while os.path.exists(path := os.path.join(folder, f"{kind}_{len(arrays)}.pb")):
            arrays.append(numpy_helper.to_array(onnx.load_tensor(path)))
        return arrays

    return model, read("input"), read("output")


def is_static(model):
    for value in list(model.graph.input) + list(model.graph.output):
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            return False
        if any(not size.HasField("dim_value") for size in value.type.tensor_type.shape.dim):
            return False
    return True


def export(case, folder):
    try:
        model, inputs, outputs = data_of(case)
    except Exception:  # sequences, optional values
        return False
    inputs = [numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x for x in inputs]
    outputs = [numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x for x in outputs]
    if not is_static(model) or not all(isinstance(x, (np.ndarray, np.generic)) for x in inputs + outputs):
        return False
    types = [np.asarray(x).dtype for x in inputs + outputs]
    if any(element.kind not in "biuf" and element.name != "bfloat16" for element in types):
        return False
    fixed = fixed_inputs(model.graph)
    initialised = {tensor.name for tensor in model.graph.initializer}
    values = dict(zip([v.name for v in model.graph.input if v.name not in initialised], inputs))
    baked = onnx.ModelProto()
    baked.CopyFrom(model)
    baked.graph.initializer.extend(numpy_helper.from_array(np.asarray(values[name]), name) for name in sorted(fixed))
    os.makedirs(folder, exist_ok=True)
    onnx.save(baked, os.path.join(folder, "model.onnx"))
    for k, value in enumerate(value for name, value in values.items() if name not in fixed):
        np.save(os.path.join(folder, f"input_{k}.npy"), np.asarray(value))
    for k, value in enumerate(outputs):
        np.save(os.path.join(folder, f"output_{k}.npy"), np.asarray(value))
    with open(os.path.join(folder, "tol.txt"), "w") as file:
        file.write(f"{case.rtol} {case.atol}\n")
    return True


def main():
    warnings.filterwarnings("ignore")
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for suite in SUITES:
        cases = sorted(load_model_tests(kind=suite), key=lambda case: case.name)
        done = sum(export(case, os.path.join(sys.argv[1], suite, case.name)) for case in cases)
        print(f"{suite}: {done} of {len(cases)} cases have static tensors of numbers")


main()
