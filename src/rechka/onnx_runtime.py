"""The library onnxruntime, loaded so that it reports to nobody. All who use it get it here."""

from rechka.telemetry import refuse_telemetry

refuse_telemetry()

import onnxruntime  # type: ignore[import-untyped, unused-ignore] # noqa: E402

__all__ = ["onnxruntime"]
