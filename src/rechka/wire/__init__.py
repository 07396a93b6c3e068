"""The only place that knows protobuf: generated code, codecs, error statuses."""
