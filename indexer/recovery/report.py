"""The report of an opening: what was found on the disk, and what was done about it."""

from __future__ import annotations

from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered
from asteroid_cloud.indexer.model.data_loss import DataLoss, RecoveryMode
from asteroid_cloud.indexer.model.results import Recovery
from asteroid_cloud.wal.disk import name_of
from asteroid_cloud.wal.repair import RecoveryReport, evidence_path


def recovery_report(
    recovered: Recovered,
    log: RecoveryReport,
    times_s: tuple[float, float],
    mode: RecoveryMode,
    repaired: list[str],
    losses: DataLoss,
    records: int,
) -> Recovery:
    """The report of an opening that took so long to check and to replay ``records``; files by their names."""
    is_cut = log.bytes_cut > 0
    return Recovery(
        checkpoint_lsn=recovered.applied_lsn,
        segments=len(recovered.segments),
        segment_rows=sum(segment.rows for segment in recovered.segments),
        log_first_lsn=log.first_lsn,
        durable_lsn=log.durable_lsn,
        records_replayed=records,
        bytes_cut=log.bytes_cut,
        cut_from=name_of(log.path) if is_cut else None,
        cut_offset=log.offset if is_cut else None,
        cut_reason=log.reason if is_cut else None,
        kept_as=name_of(evidence_path(log)) if is_cut else None,
        checking_s=times_s[0],
        replaying_s=times_s[1],
        mode=mode,
        mended=repaired,
        losses=losses,
    )


def in_words(recovery: Recovery) -> str:
    """One line of the log about an opening."""
    line = (
        f"recovered: checkpoint at LSN {recovery.checkpoint_lsn} with {recovery.segments} segments of "
        f"{recovery.segment_rows} rows; {recovery.records_replayed} records replayed up to LSN "
        f"{recovery.durable_lsn}; {recovery.checking_s + recovery.replaying_s:.2f} s"
    )
    if recovery.bytes_cut:
        line += f"; {recovery.bytes_cut} bytes of a torn write cut from {recovery.cut_from}"
    return line + "".join(f"; {step}" for step in recovery.mended)
