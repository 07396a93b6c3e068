"""Streaming transducers through sherpa-onnx, kept from all that would end the process."""
