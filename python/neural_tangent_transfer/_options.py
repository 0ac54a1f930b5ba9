"""The options of the library's structs, whose defaults the keywords of the functions repeat: a test compares them."""

import json
import os
from typing import Any, Dict, Optional, Union

from . import _native

Path = Union[str, "os.PathLike[str]"]

FIND = _native.FindOptions()
TRAINING = _native.TrainingOptions()
KERNEL = _native.KernelOptions()

# The types of those whose default, None, does not say.
_OPTIONAL = {"initialisation": "str", "mask_interval": "int", "rewind_step": "int"}


def set_options(options: Any, values: Dict[str, Any]) -> Any:
    """Gives options these values; TypeError and ValueError name the option."""
    for name, value in values.items():
        try:
            setattr(options, name, value)
        except TypeError:
            default = getattr(options, name)
            kind = _OPTIONAL.get(name, "float") + " or None" if default is None else type(default).__name__
            if type(value).__name__ == kind:
                raise ValueError(f"{name} is {value!r}, more than it can be") from None
            raise TypeError(f"{name} must be {kind}, not {type(value).__name__}: {value!r}") from None
    return options


def run_request(
    command: str, values: Dict[str, Any], defaults: Any, out: Optional[Path], resume: bool
) -> _native.RunRequest:
    """What a run is asked to do, with its options under the program's names."""
    options = {}
    for name, value in values.items():
        plain = list(value) if isinstance(value, tuple) else value
        options[name.replace("_", "-")] = (plain, plain not in (None, [], getattr(defaults, name, None)))
    text = json.dumps(options, default=lambda number: number.item())  # NumPy's numbers
    return _native.RunRequest(command, text, values["seed"], "" if out is None else os.fspath(out), resume)
