"""Kaldi models, run by vosk."""
