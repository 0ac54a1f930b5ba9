"""The one optimisation step that every peer runs: its constants, the models' shapes and the kernels that are timed."""

BATCH = 64
CLASSES = 10
DENSITY = 0.03
KERNEL_WEIGHT = 1e-3
LEARNING_RATE = 5e-4
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

# Layers in order: ("linear", in, out), ("conv", in, out, kernel), "relu", "pool" (2x2 maximum, stride 2), "flatten".
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
}
# What each input is: [channels, height, width].
INPUTS = {"lenet-300-100": (1, 28, 28), "lenet-5-caffe": (1, 28, 28), "conv-4": (3, 32, 32)}
# The published weight decay, before it is divided by the density.
WEIGHT_DECAYS = {"lenet-300-100": 1e-4, "lenet-5-caffe": 1e-5, "conv-4": 1e-5}

# The kernels timed for each model, by their probes; 0 is the exact kernel.
EXACT = 0
KERNELS = {"lenet-300-100": [EXACT, 2], "lenet-5-caffe": [EXACT, 1], "conv-4": [EXACT, 1]}


def kernel_name(probes):
    return f"sketch k={probes}" if probes else "exact"


def weight_decay(model):
    """What Σ‖m⊙W‖² is multiplied with."""
    return WEIGHT_DECAYS[model] / DENSITY
