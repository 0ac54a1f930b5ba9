"""The networks that are checked; apart from networks.py, which takes seconds to load."""

TORCHVISION = [
    "resnet18", "resnet50", "vgg16_bn", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "densenet121",
    "squeezenet1_1", "shufflenet_v2_x1_0", "regnet_y_400mf", "convnext_tiny",
]  # fmt: skip
TIMM = ["vit_tiny_patch16_224"]
OWN = ["signal", "tabular"]  # of networks.py
NAMES = TORCHVISION + TIMM + OWN
