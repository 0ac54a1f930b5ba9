"""The folder of a run, as the program writes it."""

import json
import os
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

if TYPE_CHECKING:
    from ._networks import Network

_FREE = ("threads", "checkpoint_seconds", "tensorboard", "resume")


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


class RunFolder:
    """Where a run writes; without a path, nothing happens."""

    def __init__(self, path: "Optional[Union[str, os.PathLike[str]]]", command: str, options: Dict[str, Any]):
        self.path = "" if path is None else os.fspath(path)
        shown = {name: value for name, value in options.items() if name not in _FREE and value is not None}
        lines = [f"{name.replace('_', '-')} = {_toml(value)}" for name, value in sorted(shown.items())]
        self._config = "\n".join([f"[{command}]", *lines, ""])

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def resume(self, asked: bool) -> bool:
        """Whether to go on from a checkpoint. ValueError where what is in the folder does not fit what was asked."""
        if not self.path:
            if asked:
                raise ValueError("resume goes on with the run in out; say which folder that is")
            return False
        if os.path.exists(self._file("result.json")):
            raise ValueError(f"{self.path} holds a finished run; choose another out or remove it")
        there = os.path.exists(self._file("checkpoint.safetensors"))
        if there and not asked:
            raise ValueError(f"{self.path} holds an unfinished run; say resume=True, choose another out or remove it")
        if there:
            with open(self._file("config.toml"), encoding="utf-8") as file:
                earlier = file.read()
            if earlier != self._config:
                changed = sorted(set(earlier.splitlines()) ^ set(self._config.splitlines()))
                raise ValueError(f"the run in {self.path} was started with other options: {', '.join(changed)}")
        return there

    def open(self) -> None:
        """Writes the options."""
        if self.path:
            os.makedirs(self.path, exist_ok=True)
            with open(self._file("config.toml"), "w", encoding="utf-8") as file:
                file.write(self._config)

    def finish(self, networks: "Dict[str, Network]", record: Dict[str, Any]) -> None:
        """Writes networks and result; the checkpoint goes."""
        if not self.path:
            return
        for name, network in networks.items():
            network.save(self._file(f"{name}.safetensors"))
        with open(self._file("result.json"), "w", encoding="utf-8") as file:
            json.dump(record, file, indent=2)
        if os.path.exists(self._file("checkpoint.safetensors")):
            os.remove(self._file("checkpoint.safetensors"))
