"""The cases: each has a number and does the same every time."""

from __future__ import annotations

from pathlib import Path
from random import Random

from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from ops.fuzz.damage import Damager
from ops.fuzz.subject import Violation, ask_everything, make_subjects

REFUSED, REFUSED_WHEN_READ, UNHARMED, SEARCHED = "refused", "refused when read", "unharmed", "searched"
REFUSALS = (CorruptionError, UnsupportedVersion)


class Cases:
    """Runs cases on the segments of stores below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.subjects = make_subjects(folder)
        self._folder = folder / "damaged"
        self._folder.mkdir()

    def run(self, number: int) -> str:
        """Damages a file, opens the segment and reads everything; returns the outcome.

        Raises Violation when damage went unseen that a checksum covers, or led to an impossible answer;
        any error but CorruptionError and UnsupportedVersion is a failure too, and passes through.
        """
        rng = Random(number)
        subject = self.subjects[rng.choice([0, 0, 0, 1, 1, 2])]
        files = dict(zip(subject.paths(str(self._folder)), subject.files, strict=True))
        graph, payload, fields, text = files
        damaged = rng.choice([graph, graph, payload, fields, text])
        is_sealed = rng.random() < 0.7  # the others are nearly all refused at once
        damager = Damager(files[damaged], rng)
        for path, intact in files.items():
            # A new file, never written over the old bytes, which may still be mapped.
            path.unlink(missing_ok=True)
            path.write_bytes(intact.data)
        data = damager.with_right_checksums() if is_sealed else damager.as_it_lies()
        damaged.unlink()
        damaged.write_bytes(data)
        try:
            segment = subject.open(str(self._folder))
        except REFUSALS:
            return REFUSED
        try:
            answers = ask_everything(segment)
        except CorruptionError:
            if not is_sealed:
                raise Violation("damage was seen only when it was read") from None
            return REFUSED_WHEN_READ
        if answers == subject.answers:
            return UNHARMED
        if not is_sealed:
            raise Violation("damage that a checksum covers went unseen")
        return SEARCHED
