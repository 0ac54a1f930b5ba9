"""Writes one network as both of PyTorch's exporters do; a process of its own, so that its memory goes back.

usage: export.py NAME FOLDER EXPORTER... --inputs N --seed SEED --threads N [--defaults]

FOLDER gets inputs.npy, parameters.txt (how many are trained) and <exporter>/model.onnx, or <exporter>/failure.txt.
"""

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from networks import make_network


def older(network, inputs, path, defaults):
    kept = {} if defaults else {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    torch.onnx.export(network, (inputs,), path, dynamo=False, input_names=["input"], output_names=["output"],
                      dynamic_axes=axes, **kept)  # fmt: skip


def newer(network, inputs, path, defaults):
    kept = {} if defaults else {"optimize": False}
    torch.onnx.export(network, (inputs,), path, dynamo=True, verbose=False, external_data=True,
                      dynamic_shapes=({0: torch.export.Dim("batch")},), **kept)  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("exporters", nargs="+")
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--defaults", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(options.threads)

    network, inputs = make_network(options.name, options.inputs, options.seed)
    np.save(options.folder / "inputs.npy", inputs.numpy())
    count = sum(parameter.numel() for parameter in network.parameters())
    (options.folder / "parameters.txt").write_text(str(count))
    for exporter in options.exporters:
        folder = options.folder / exporter
        folder.mkdir()
        try:
            # Of a batch of one, an exporter may take the batch for a constant.
            {"older": older, "newer": newer}[exporter](network, inputs[:2], str(folder / "model.onnx"), options.defaults)
        except Exception as error:  # whatever the exporter throws is this file's result
            (folder / "failure.txt").write_text(f"PyTorch does not export it: {str(error).strip().splitlines()[0]}")


main()
