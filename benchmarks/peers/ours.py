"""Our program: its time for a step, and whether its kernels are those of the reference."""

import json
import subprocess
import tempfile

import problem as p
from processes import environment, supervise

# Of the kernel's Frobenius norm: our float32 sums against float64.
KERNEL_TOLERANCE = 1e-4
EPSILON = 1e-5  # of ntt's batch norm, which adds it to the variance
TOML_LAYERS = {
    "linear": lambda layer: f'type = "linear", out_features = {layer[2]}',
    "conv": lambda layer: f'type = "conv2d", out_channels = {layer[2]}, kernel = {layer[3]}',
    "padded": lambda layer: (
        f'type = "conv2d", out_channels = {layer[2]}, kernel = {layer[3]}, stride = {layer[4]}, '
        f"padding = {layer[3] // 2}, bias = false"
    ),
    "norm": lambda layer: f'type = "batch-norm", epsilon = {EPSILON}',
    "pool": lambda layer: 'type = "max-pool", kernel = 2',
    "mean": lambda layer: 'type = "reduce-mean", axes = [1, 2]',
}
PARTS = ("body", "shortcut")  # of a residual layer


def time_step(model, probes, options):
    """({"ms_per_step", "fastest_ms", "steps", "peak_gib"}, None) of `ntt bench step`, or (None, why there is none)."""
    command = [options.ntt, "bench", "step", "--json", "--model", model, "--batch-size", str(p.BATCH)]
    command += ["--threads", str(options.threads), "--seconds", str(max(0.1, min(options.seconds, 3)))]
    command += ["--execution", options.execution, "--batch-norm", "frozen"]
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

    import reference

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
        if problem.model in p.RESNETS:
            found = reference.projected(problem, found, p.KERNELS[problem.model][0])
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

    text, names = architecture(problem.model)
    for name, weight, bias, mask in zip(names, problem.weights, problem.biases, problem.masks, strict=True):
        add(f"{name}.weight", "F32", weight * mask if masked else weight)
        if bias is not None:
            add(f"{name}.bias", "F32", bias)
        if weight.ndim == 1:
            add(f"{name}.running_mean", "F32", 0 * weight)
            add(f"{name}.running_var", "F32", 0 * weight + (1 - EPSILON))
        elif masked:
            add(f"{name}.weight_mask", "U8", mask.astype("uint8"))
    entries["__metadata__"] = {"format": "pt", "architecture": text}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"".join(blobs))


def architecture(model):
    """The model as TOML, and its parametric layers' names in order; a layer is named by its place in its list."""
    names = []

    def tables(layers, prefix):
        texts = []
        for i, layer in enumerate(layers):
            name = f"layer{i + 1}"
            if layer[0] == "residual":
                body, shortcut = (tables(part, f"{prefix}{name}.{key}.") for part, key in zip(layer[1:], PARTS))
                text = f'type = "residual", body = {body}' + (f", shortcut = {shortcut}" if layer[2] else "")
            elif isinstance(layer, tuple):
                names.append(prefix + name)
                text = TOML_LAYERS[layer[0]](layer)
            else:
                text = TOML_LAYERS.get(layer, lambda layer: f'type = "{layer}"')(layer)
            texts.append(f'{{name = "{name}", {text}}}')
        return "[" + ", ".join(texts) + "]"

    layers = tables(p.MODELS[model], "")
    return f'name = "{model}"\ninput = {list(p.INPUTS[model])}\nlayer = {layers}\n', names
