"""The saved model of a study, and rows of its data, where they lie within the working folder.

Knows nothing of: elements, what is asked of a model.
"""

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from osetra.core.errors import ModelError, StudyError
from osetra.models.files import RECORD, load
from osetra.study.asked import data_of

if TYPE_CHECKING:
    import pandas as pd

    from osetra.models.predictor import Predictor
    from osetra.study.handle import Study
    from osetra.ui.files import Files

KEPT = 4
"""Models that stay loaded."""
MOST_BYTES = 20_000_000
"""Of a data file that is read for a figure."""


class SavedModels:
    """Models by their folder, loaded once for each state that they are in. Any thread may ask."""

    def __init__(self, files: "Files") -> None:
        self._files = files
        self._loaded: dict[Path, tuple[int, Predictor]] = {}
        self._lock = Lock()

    def folder(self, study: "Study") -> Path:
        """Where it lies. Raises ModelError where there is none, or it lies outside the working folder."""
        kept = study.facts.get("model")
        if not kept:
            raise ModelError(f"study {study.name!r} has no saved model; fit it with --models FOLDER")
        asked = [Path(place) for place in (study.facts.get("folder"), kept) if place]
        places = [place if place.is_absolute() else self._files.root / place for place in asked]
        found = next((place for place in places if (place / RECORD).is_file()), None)
        if found is None:
            raise ModelError(
                f"the model of study {study.name!r} must be where it was saved, got nothing at {kept}; bring it back, or fit anew"
            )
        place = found.resolve()
        if not place.is_relative_to(self._files.root):
            raise ModelError(
                f"a model is read within the working folder {self._files.root}, got {kept} outside it; "
                "start osetra ui in the folder where the fit was started"
            )
        return place

    def of(self, study: "Study") -> "Predictor":
        """The model. Raises ModelError where `folder` does, and for one that is damaged."""
        place = self.folder(study)
        changed = (place / RECORD).stat().st_mtime_ns
        with self._lock:
            known = self._loaded.pop(place, None)
            model = known[1] if known is not None and known[0] == changed else load(place)
            self._loaded[place] = changed, model
            while len(self._loaded) > KEPT:
                self._loaded.pop(next(iter(self._loaded)))
            return model

    def rows(self, study: "Study", model: "Predictor") -> "pd.DataFrame":
        """The data of the study as they are now. Raises StudyError, with why, where they are not to be read, else as the model does."""
        place = Path(data_of(study)).resolve()
        if not place.is_relative_to(self._files.root):
            raise StudyError(f"the data of study {study.name!r} lie outside the working folder, at {place}")
        if place.is_file() and place.stat().st_size > MOST_BYTES:
            raise StudyError(
                f"the data of study {study.name!r} are too large to be read for a figure ({place.stat().st_size / 1e6:,.0f} MB)"
            )
        return model.read(place).frame
