"""Our program: its time for a step, and whether its kernels are those of the reference."""

import json
import subprocess
import tempfile

import problem as p
from processes import environment, supervise

# Of the kernel's Frobenius norm: our float32 sums against float64.
KERNEL_TOLERANCE = 1e-4
TOML_LAYERS = {
    "linear": lambda layer: f"out_features = {layer[2]}",
    "conv2d": lambda layer: f"out_channels = {layer[2]}\nkernel = {layer[3]}",
}


def time_step(model, probes, options):
    """({"ms_per_step", "fastest_ms", "steps", "peak_gib"}, None) of `ntt bench step`, or (None, why there is none)."""
    command = [options.ntt, "bench", "step", "--json", "--model", model, "--batch-size", str(p.BATCH)]
    command += ["--threads", str(options.threads), "--seconds", str(max(0.1, min(options.seconds, 3)))]
    command += ["--kernel", "sketch", "--probes", str(probes)] if probes else ["--kernel", "exact"]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            reason, peak = supervise(command, options, stdout=output, stderr=errors)
        except OSError as error:
            return None, f"it cannot be run: {error.strerror}"
        output.seek(0)
        errors.seek(0)
        text = errors.read().decode(errors="replace").strip()
        if reason:
            return None, f"{reason}: {text.splitlines()[-1]}" if text else reason
        record = json.load(output)
    names = {"ms_per_step": "ms_per_step", "fastest_ms": "ms_min", "steps": "steps"}
    return {name: record[theirs] for name, theirs in names.items()} | {"peak_gib": peak}, None


def check_kernels(problem, student, teacher, options, folder):
    """What differs between `ntt kernel` and the reference kernels [N/2, N/2, C, C], or None."""
    import numpy as np

    data = folder / "data"
    data.mkdir(exist_ok=True)
    for part in ("train", "test"):
        np.save(data / f"{part}-images.npy", problem.inputs)
        np.save(data / f"{part}-labels.npy", np.arange(p.BATCH) % p.CLASSES)
    for name, masked, expected in (("student", True, student), ("teacher", False, teacher)):
        network, out = folder / f"{name}.safetensors", folder / f"{name}.npy"
        write_network(network, problem, masked)
        command = [options.ntt, "kernel", "--network", network, "--data", data, "--samples", str(p.BATCH)]
        command += ["--threads", str(options.threads), "--out", out]
        try:
            run = subprocess.run(
                command,
                env=environment(options.threads),
                capture_output=True,
                text=True,
                timeout=options.time_limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"ntt kernel ran over time ({options.time_limit:g} s)"
        except OSError as error:
            return f"ntt kernel cannot be run: {error.strerror}"
        if run.returncode:
            return f"ntt kernel failed: {(run.stderr.strip().splitlines() or [run.returncode])[-1]}"
        found = np.load(out)[: p.BATCH // 2, p.BATCH // 2 :]
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        if not error <= KERNEL_TOLERANCE:
            return f"the {name}'s kernel is off by {error:.2g} of its norm"
    return None


def write_network(path, problem, masked):
    """The student, with its masks, or the teacher as network.safetensors."""
    entries, blobs, offset = {}, [], 0

    def add(name, dtype, array):
        nonlocal offset
        data = array.tobytes()
        entries[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [offset, offset + len(data)]}
        blobs.append(data)
        offset += len(data)

    for i, (weight, bias, mask) in enumerate(zip(problem.weights, problem.biases, problem.masks)):
        add(f"layer{i + 1}.weight", "F32", weight * mask if masked else weight)
        add(f"layer{i + 1}.bias", "F32", bias)
        if masked:
            add(f"layer{i + 1}.weight_mask", "U8", mask.astype("uint8"))
    entries["__metadata__"] = {"format": "pt", "architecture": architecture(problem.model)}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"".join(blobs))


def architecture(model):
    """The model as TOML; parametric layers are layer1, layer2, ..."""
    text, count = f'name = "{model}"\ninput = {list(p.INPUTS[model])}\n', 0
    for layer in p.MODELS[model]:
        if isinstance(layer, tuple):
            count += 1
            kind = {"linear": "linear", "conv": "conv2d"}[layer[0]]
            text += f'[[layer]]\ntype = "{kind}"\nname = "layer{count}"\n{TOML_LAYERS[kind](layer)}\n'
        else:
            text += {"pool": '[[layer]]\ntype = "max-pool"\nkernel = 2\n'}.get(layer, f'[[layer]]\ntype = "{layer}"\n')
    return text
