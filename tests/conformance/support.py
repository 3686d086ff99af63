#!/usr/bin/env python3
"""Writes dsl/onnx/support.md: which operators of the standard nnc imports.

    support.py CASES REPORT > dsl/onnx/support.md

CASES and REPORT are what onnx_cases read and wrote (`./dev conformance`). The operators and their versions are those of
the package onnx; what the library says of each is read from the headers of dsl/onnx/*.nn.
"""
import collections
import csv
import pathlib
import re
import sys

import onnx

OLDEST = 7  # the least opset of models that nnc promises to read
LIBRARY = pathlib.Path(__file__).parents[2] / "dsl" / "onnx"
# What the importer does itself, since the language cannot say it.
BY_IMPORTER = {"Constant": "of numbers", "Identity": "", "If": "with a condition that is known", "Loop": "with a number of "
               "rounds that is known", "Scan": "opened"}
KINDS = {"int", "ints", "real", "reals", "flag", "text", "texts", "elem", "list"}


def library():
    """Function -> (file, its parameters as (name, kind or type), why it refuses all nodes)."""
    functions = {}
    for path in sorted(LIBRARY.glob("*.nn")):
        text = path.read_text()
        for match in re.finditer(r"^fn (\w+)\(", text, re.M):
            depth, end = 1, match.end()
            while depth:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            params = re.findall(r"(?:^|, *)\s*(\w+): (\w+(?:\[[^\]]*\])?)", text[match.end():end - 1])
            refusal = re.match(r"\) \{\n  require false, \"(.*)\"", text[end - 1:])
            functions[match.group(1)] = path.name, params, refusal and refusal.group(1)
    return functions


def function_name(domain, op):
    return op if not domain else f"{domain}.{op}".replace(".", "_")


def operators():
    """(domain, name) -> the schemas of all its versions, oldest first; com.microsoft is not part of the package."""
    found = collections.defaultdict(list)
    for schema in onnx.defs.get_all_schemas_with_history():
        found[schema.domain, schema.name].append(schema)
    return {key: sorted(schemas, key=lambda s: s.since_version) for key, schemas in sorted(found.items())}


def outcomes(cases, report):
    """(domain, name) -> (passed, all, reasons) over the cases of one node, and those of several by each of them."""
    found = collections.defaultdict(lambda: [0, 0, collections.Counter()])
    for verdict, folder, reason in csv.reader(open(report), delimiter="\t", quoting=csv.QUOTE_NONE):
        if "_expanded" in folder:
            continue
        model = onnx.load(f"{folder}/model.onnx", load_external_data=False)
        for key in {(node.domain.replace("ai.onnx", "", node.domain == "ai.onnx"), node.op_type)
                    for node in model.graph.node}:
            entry = found[key]
            entry[0] += verdict == "pass"
            entry[1] += 1
            if verdict != "pass":
                named = re.search(r"\('(\w+)', opset \d+\)[^:]*: (.*?) \[", reason)
                if named is None or named.group(1) == key[1]:
                    entry[2][short(named.group(2) if named else reason)] += 1
    return found


def short(reason):
    """A reason without the names of the case."""
    reason = re.sub(r"its input '[^']*' \('(\w+)'\) decides.*", r"\1 known only when the network runs", reason)
    return reason.replace("|", "/").strip()


def why_refused(schema):
    """Of an operator that the library does not have."""
    types = [t for value in [*schema.inputs, *schema.outputs] for t in value.types]
    for word, kind in [("optional(", "optionals"), ("map(", "maps"), ("seq(map(", "maps"), ("seq(", "sequences")]:
        if any(t.startswith(word) for t in types):
            return kind
    if schema.inputs and all(t == "tensor(string)" for t in schema.inputs[0].types):
        return "texts"
    return "chance" if "seed" in schema.attributes else "not written"


def versions(op, functions):
    """The opsets at which the library has another meaning than before, the newest first."""
    older = [int(name.rsplit("_", 1)[1]) for name in functions if re.fullmatch(re.escape(op) + r"_before_\d+", name)]
    return ", ".join(f"before {limit}" for limit in sorted(older, reverse=True))


def row(key, schemas, functions, results):
    domain, op = key
    name = function_name(domain, op)
    passed, total, reasons = results.get(key, (0, 0, {}))
    newest = schemas[-1]
    known = ""
    if name in functions:
        file, params, refusal = functions[name]
        how = f"[{file[:-3]}]({file})"
        kinds = dict(params)
        known = ", ".join(f"`{i.name}`" for i in newest.inputs if kinds.get(i.name) in KINDS - {"list"})
    elif not domain and op in BY_IMPORTER:
        how = f"the importer{', ' if BY_IMPORTER[op] else ''}{BY_IMPORTER[op]}"
    elif key == ("ai.onnx.preview", "FlexAttention"):
        how = "the importer"
    else:
        how = "refused"
    why = "; ".join(reason for reason, _ in collections.Counter(reasons).most_common(2))
    if name in functions and refusal:
        how, why = "refused", f"it needs {refusal}"
    elif how == "refused":
        why = why_refused(newest)
    since = ", ".join(str(s.since_version) for s in schemas)
    return (f"| {op} | {since} | {how} | {versions(name, functions)} | {known} | "
            f"{f'{passed} of {total}' if total else ''} | {why} |"), how != "refused"


def main():
    functions = library()
    results = outcomes(*sys.argv[1:3])
    domains = collections.defaultdict(list)
    for key, schemas in operators().items():
        if not schemas[-1].deprecated or function_name(*key) in functions:
            domains[key[0]].append(row(key, schemas, functions, results))
    print(f"""# ONNX operators

What `nnc` imports of the standard's operators, as the package onnx {onnx.__version__} lists them (opset \
{onnx.defs.onnx_opset_version()}); models of opset {OLDEST} and above are read. Written by `./dev conformance`.

* **versions**: the opsets in which the standard changed the operator. The library has its meaning today, and the **older
  meanings** where they differ by more than a rule that was widened.
* **where**: the file of this folder that holds its definition; *the importer*: the language cannot say it.
* **must be known**: inputs that decide sizes; an initializer, a constant, or what is computed from shapes.
* **cases**: the official cases of the operator that pass. **refused**: why the others do not. What is refused ends in an
  error that names the node.

Element types are in the headers: `float` is f16, bf16, f32 or f64, `any` also the integers and bool. Complex numbers,
8-bit floats, 4-bit integers, texts, sequences, maps and optionals are refused everywhere.""")
    for domain, rows in sorted(domains.items()):
        done = sum(is_done for _, is_done in rows)
        print(f"\n## {domain or 'ai.onnx'}: {done} of {len(rows)}\n")
        print("| operator | versions | where | older meanings | must be known | cases | refused |\n|---|---|---|---|---|---|---|")
        print("\n".join(text for text, _ in rows))
    own = sorted(name for name in functions if name.startswith("com_microsoft_"))
    print("\n## com.microsoft\n\nOperators of ONNX Runtime that its optimizer and exporters write.\n\n| operator | where |\n|---|---|")
    for name in own:
        file = functions[name][0]
        print(f"| {name[len('com_microsoft_'):]} | [{file[:-3]}]({file}) |")


if __name__ == "__main__":
    main()
