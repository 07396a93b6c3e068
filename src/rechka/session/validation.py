"""Whether the settings of a session are ones that a stream can have."""

from rechka.errors import ErrorCode, RequestError
from rechka.settings import LimitSettings
from rechka.spec import SAMPLE_RATES_HZ, AudioEncoding, RecognitionSpec

__all__ = ["check_folder_id", "check_spec"]


def check_spec(spec: RecognitionSpec, limits: LimitSettings) -> None:
    """Raise if a setting is out of the contract, whatever models are installed.

    Raises:
        RequestError: Names every field that is wrong, what came and what is accepted.
    """
    violations = _folder_violations(spec.folder_id, limits, field="config.folder_id")
    if spec.encoding is AudioEncoding.MP3:
        violations["config.specification.audio_encoding"] = (
            f"got {AudioEncoding.MP3}; accepted: {AudioEncoding.LINEAR16_PCM}, "
            f"{AudioEncoding.OGG_OPUS}"
        )
    is_pcm = spec.encoding is AudioEncoding.LINEAR16_PCM
    if is_pcm and spec.sample_rate_hz not in SAMPLE_RATES_HZ:
        accepted = ", ".join(map(str, SAMPLE_RATES_HZ))
        violations["config.specification.sample_rate_hertz"] = (
            f"got {spec.sample_rate_hz}; accepted with LINEAR16_PCM: {accepted}"
        )
    if spec.channel_count != 1:
        violations["config.specification.audio_channel_count"] = (
            f"got {spec.channel_count}; accepted in a stream: 1"
        )
    _refuse(violations)


def check_folder_id(folder_id: str, limits: LimitSettings, *, field: str) -> None:
    """Raise if the id of a folder is too long.

    Args:
        folder_id: As the client sent it.
        limits: What is accepted.
        field: Where it stood, for the error.

    Raises:
        RequestError: Names the field.
    """
    _refuse(_folder_violations(folder_id, limits, field=field))


def _folder_violations(folder_id: str, limits: LimitSettings, *, field: str) -> dict[str, str]:
    if len(folder_id) <= limits.folder_id_length:
        return {}
    problem = f"got {len(folder_id)} characters; accepted: at most {limits.folder_id_length}"
    return {field: problem}


def _refuse(violations: dict[str, str]) -> None:
    if violations:
        message = "; ".join(f"{field}: {problem}" for field, problem in violations.items())
        raise RequestError(ErrorCode.INVALID_CONFIG, message, violations=violations)
