"""The one optimisation step that every peer runs: its constants, the models' shapes and the kernels that are timed."""

BATCH = 64
CLASSES = 10
DENSITY = 0.03
KERNEL_WEIGHT = 1e-3
LEARNING_RATE = 5e-4
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def resnet(stem, stages, blocks):
    """A residual network of basic blocks for CIFAR, as in ntt's zoo: each stage but the first halves the image."""
    layers, before = [("padded", 3, stem, 3, 1), ("norm", stem), "relu"], stem
    for width in stages:
        for _ in range(blocks):
            stride = 1 if width == before else 2
            body = [("padded", before, width, 3, stride), ("norm", width), "relu"]
            body += [("padded", width, width, 3, 1), ("norm", width)]
            shortcut = [("padded", before, width, 1, stride), ("norm", width)] if width != before else []
            layers += [("residual", body, shortcut), "relu"]
            before = width
    return [*layers, "mean", ("linear", before, CLASSES)]


# Layers in order: ("linear", in, out), ("conv", in, out, kernel), ("padded", in, out, kernel, stride), a convolution
# without bias that keeps or divides the image's sides, ("norm", channels), batch norm with constant statistics,
# ("residual", body, shortcut), the sum of what these lists make of its input, "relu", "pool" (2x2 maximum, stride 2),
# "mean" (of each channel), "flatten". The statistics are 0 and 1, so that "norm" is the map x·scale + shift.
MODELS = {
    "lenet-300-100": ["flatten", ("linear", 784, 300), "relu", ("linear", 300, 100), "relu", ("linear", 100, CLASSES)],
    "lenet-5-caffe": [
        *[("conv", 1, 20, 5), "relu", "pool", ("conv", 20, 50, 5), "relu", "pool", "flatten"],
        *[("linear", 800, 500), "relu", ("linear", 500, CLASSES)],
    ],
    "conv-4": [
        *[("conv", 3, 64, 3), "relu", ("conv", 64, 64, 3), "relu", "pool"],
        *[("conv", 64, 128, 3), "relu", ("conv", 128, 128, 3), "relu", "pool", "flatten"],
        *[("linear", 3200, 512), "relu", ("linear", 512, CLASSES)],
    ],
    "resnet-20": resnet(16, [16, 32, 64], 3),
    "resnet-18": resnet(64, [64, 128, 256, 512], 2),
}
RESNETS = ["resnet-20", "resnet-18"]
# What each input is: [channels, height, width].
INPUTS = {"lenet-300-100": (1, 28, 28), "lenet-5-caffe": (1, 28, 28)}
INPUTS |= {model: (3, 32, 32) for model in ["conv-4", *RESNETS]}
# The published weight decay, before it is divided by the density.
WEIGHT_DECAYS = {model: 1e-4 if model == "lenet-300-100" else 1e-5 for model in MODELS}

# The kernels timed for each model, by their probes; 0 is the exact kernel.
EXACT = 0
KERNELS = {"lenet-300-100": [EXACT, 2], "lenet-5-caffe": [EXACT, 1], "conv-4": [EXACT, 1]}
KERNELS |= {model: [1] for model in RESNETS}


def parametric(layers):
    """The layers with parameters, in order: a residual layer's body comes before its shortcut."""
    for layer in layers:
        if layer[0] == "residual":
            yield from parametric(layer[1] + layer[2])
        elif isinstance(layer, tuple):
            yield layer


def kernel_name(probes):
    return f"sketch k={probes}" if probes else "exact"


def weight_decay(model):
    """What Σ‖m⊙W‖² is multiplied with."""
    return WEIGHT_DECAYS[model] / DENSITY
