"""Prints what schedule_test.cpp compares with: the learning rates of PyTorch's schedulers, highest 1, over 10 steps.

    python3 tests/train/schedules.py
"""

import torch
from torch.optim import lr_scheduler

STEPS = 10


def rates(make):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    scheduler = make(optimiser)
    found = []
    for step in range(STEPS):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step + 1 < STEPS:
            scheduler.step()
    return found


def warmed(optimiser):
    rise = lr_scheduler.LinearLR(optimiser, start_factor=1 / 4, end_factor=1, total_iters=3)
    fall = lr_scheduler.CosineAnnealingLR(optimiser, T_max=STEPS - 4)
    return lr_scheduler.SequentialLR(optimiser, [rise, fall], milestones=[4])


for name, make in {
    "step": lambda o: lr_scheduler.MultiStepLR(o, milestones=[5, 8], gamma=0.1),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=STEPS),
    "cosine, 4 steps of warm-up": warmed,
    "one-cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=STEPS, pct_start=0.3),
    "one-cycle, 6 rising steps": lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=STEPS, pct_start=0.6),
}.items():
    print(name, ", ".join(f"{rate:.12g}" for rate in rates(make)))
