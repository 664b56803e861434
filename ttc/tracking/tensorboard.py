"""TensorBoard's event files, by its own writer: neither torch nor TensorFlow is needed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ttc.tracking.base import Session, TrackedRun, TrackedTable, Tracker, numbers_of

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter


@dataclass
class TensorboardTracker(Tracker):
    """Writes event files. `directory` null is `tensorboard` in the run's own."""

    directory: str | None = None

    package: ClassVar[str] = "tensorboard"
    client: ClassVar[str] = "tensorboard.summary.writer.event_file_writer"
    option: ClassVar[str] = "tensorboard"

    def start(self, run: TrackedRun) -> Session:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        session = _TensorboardSession(EventFileWriter(self.directory or str(run.directory / "tensorboard")))
        indented = json.dumps(run.config, indent=2).replace("\n", "\n    ")  # markdown shows indented text as it is
        session.write(0, _text("config", f"    {indented}"))
        return session


class _TensorboardSession:
    def __init__(self, writer: EventFileWriter) -> None:
        self._writer, self._steps = writer, 0

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self.write(step, *(Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()))
        self._steps = step + 1

    def finish(self, summary: Mapping[str, object], table: TrackedTable) -> None:
        self.log(self._steps, {f"summary/{name}": value for name, value in numbers_of(summary).items()})
        self.write(self._steps, _text("accuracy_table", _markdown(table)))
        self._writer.close()

    def abort(self) -> None:
        self._writer.close()

    def write(self, step: int, *values: Summary.Value) -> None:
        """Write an event, so that a TensorBoard that is open shows it."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
        self._writer.flush()


def _text(tag: str, markdown: str) -> Summary.Value:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    plugin = SummaryMetadata.PluginData(plugin_name="text")
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype="DT_STRING", string_val=[markdown.encode()], tensor_shape=shape)
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)


def _markdown(table: TrackedTable) -> str:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")
