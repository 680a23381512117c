"""The folder of an open index: its newest manifest, and which of its files are needed."""

from __future__ import annotations

from anyio import to_thread

from asteroid_cloud.indexer.checkpoint.garbage import RetainedSegments, remove_orphans
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, manifest_name, write_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered
from asteroid_cloud.indexer.checkpoint.pins import PinnedCheckpoint, SegmentPins
from asteroid_cloud.indexer.checkpoint.segment_numbers import SegmentNumbers
from asteroid_cloud.indexer.limits import MANIFEST_BYTES_MAX
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, read_small


class IndexFolder:
    """The only one to write manifests and to remove files of an open index."""

    def __init__(
        self,
        files: Files,
        path: str,
        recovered: Recovered,
        retained: RetainedSegments,
        numbers_taken: int = 0,
    ) -> None:
        """``numbers_taken``: segments that recovery itself has built, beyond those of its checkpoint."""
        self.identity = recovered.identity
        self.numbers = SegmentNumbers(recovered.next_segment + numbers_taken)
        """Gives numbers to those who build segments."""
        self.pins = SegmentPins()
        """Segments whose files must stay."""
        self.named = frozenset(segment.number for segment in recovered.segments)
        """The segments that the newest manifest names."""
        self.manifest_number = recovered.manifest_number
        """Of the newest manifest; 0 while there is none."""
        self.lsn = recovered.applied_lsn
        """All rows up to here are in segments that the newest manifest names."""
        self.applied_ms = recovered.applied_ms
        """The time of that record; 0 when it is not known."""
        self._files = files
        self._path = path
        self._retained = retained

    async def write(self, manifest: Manifest) -> None:
        """Makes a manifest durable and the newest."""
        await to_thread.run_sync(write_manifest, self._files, self._path, manifest)
        self.manifest_number = manifest.number
        self.named = frozenset(entry.number for entry in manifest.segments)
        self.lsn, self.applied_ms = Lsn(manifest.applied_lsn), manifest.applied_ms

    async def read(self) -> PinnedCheckpoint:
        """The newest manifest as it is on the disk, with the segments that it names."""
        segments = sorted(self.named)
        if self.manifest_number == 0:
            return PinnedCheckpoint(None, b"", segments)
        name = manifest_name(self.manifest_number)
        path = f"{self._path}/{name}"
        content = await to_thread.run_sync(read_small, self._files, path, MANIFEST_BYTES_MAX)
        return PinnedCheckpoint(name, content, segments)

    async def remove_orphans(self, needed: set[int], below: int) -> None:
        """Removes files of segments below ``below`` that are neither named, pinned, retained nor needed."""
        needed = needed | self.named | self.pins.numbers
        name = manifest_name(self.manifest_number)
        await to_thread.run_sync(remove_orphans, self._files, self._path, name, needed, self._retained, below)
