"""From bytes to samples: containers, codecs, resampling, voice activity."""
