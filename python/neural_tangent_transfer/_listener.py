"""Who a long job reports to."""

import logging
from typing import Any

logger = logging.getLogger("neural_tangent_transfer")

_BAR_AFTER_SECONDS = 1.0


class Listener:
    """Shows a bar of tqdm, where it is installed, for jobs that take a while; messages go to the log."""

    def __init__(self, progress: bool):
        self._bar_class: Any = None
        self._bar: Any = None
        if progress:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar_class = tqdm

    def progress(self, job: str, unit: str, done: int, total: int, figures: str, finished: bool) -> None:
        if self._bar_class is None:
            return
        if self._bar is None:
            self._bar = self._bar_class(
                desc=job, unit=f" {unit}", initial=done, total=total or None, delay=_BAR_AFTER_SECONDS, leave=False
            )
        self._bar.set_postfix_str(figures, refresh=False)
        self._bar.update(done - self._bar.n)
        if finished:
            self.close()

    def message(self, is_warning: bool, text: str) -> None:
        logger.log(logging.WARNING if is_warning else logging.INFO, text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
