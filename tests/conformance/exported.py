#!/usr/bin/env python3
"""Compares programs, exported to ONNX and run by ONNX Runtime, with what nnc computes.

    exported.py NNC FOLDER...

Of every model of every program below the folders: the file must pass the checker of the package `onnx`, and its outputs
must be those of `nnc run` on random inputs, with the same initial parameters; exported as a model of one example, and of
any number of them. Fails if one is not.
"""
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5  # of the largest element of an output: sums in another order


BATCHES = [[], ["--batch", "open"]]
EXAMPLES = 3  # of an open batch


def random_input(info, generator):
    shape = [axis.dim_value or EXAMPLES for axis in info.type.tensor_type.shape.dim]
    kind = onnx.helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)
    if kind == np.float32:
        return generator.standard_normal(shape).astype(kind)
    classes = re.match(r"class\[(\d+)\]", info.doc_string)
    return generator.integers(0, int(classes[1]) if classes else 100, shape).astype(kind)


def compare(nnc, path, model_name, batch, folder):
    """The largest difference of an output, relative to its largest element."""
    command = [nnc, "export", path, "--model", model_name, "--seed", "3", *batch, "-o", folder / "m.onnx"]
    subprocess.run(command, check=True, capture_output=True)
    model = onnx.load(folder / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    states = {output.name[: -len(".next")] for output in model.graph.output if output.name.endswith(".next")}
    if batch and states:
        return 0.0  # nnc run goes on from the state of the example before, which a batch does not
    generator = np.random.default_rng(0)
    given, arguments = {}, []
    for info in model.graph.input:
        given[info.name] = random_input(info, generator)
        if info.name in states:
            given[info.name][...] = 0
            continue
        np.save(folder / f"{info.name}.npy", given[info.name])
        arguments += ["--input", f"{info.name}={folder / info.name}.npy"]
    command = [nnc, "run", path, "--model", model_name, "--seed", "3", *arguments, "--output-dir", folder / "out"]
    subprocess.run(command, check=True, capture_output=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(folder / "m.onnx", options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for info, value in zip(session.get_outputs(), session.run(None, given)):
        if info.name.endswith(".next"):
            continue
        expected = np.load(folder / "out" / f"{info.name}.npy")
        if expected.shape != value.shape or expected.dtype != value.dtype:
            return float("inf")
        if expected.size:
            scale = max(float(np.abs(expected.astype(np.float64)).max()), 1e-30)
            worst = max(worst, float(np.abs(value.astype(np.float64) - expected).max()) / scale)
    return worst


def main():
    nnc, failed, count = sys.argv[1], 0, 0
    for path in sorted(path for folder in sys.argv[2:] for path in pathlib.Path(folder).rglob("*.nn")):
        text = path.read_text()
        if re.search(r"^extern", text, re.MULTILINE):
            continue  # not supported yet
        for name, batch in itertools.product(re.findall(r"^model (\w+)", text, re.MULTILINE), BATCHES):
            count += 1
            with tempfile.TemporaryDirectory() as folder:
                try:
                    difference = compare(nnc, path, name, batch, pathlib.Path(folder))
                except subprocess.CalledProcessError as error:
                    print(error.stderr.decode(), end="")
                    difference = float("inf")
            failed += not difference <= TOLERANCE
            print(f"{'ok  ' if difference <= TOLERANCE else 'FAIL'} {difference:8.1e}  {path} {name} {' '.join(batch)}")
    print(f"{count} models, {failed} failed")
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
