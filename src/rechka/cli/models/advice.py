"""What is left to do before a server answers with a model that was just installed."""

from rechka.catalog.assignment import assign
from rechka.catalog.candidates import find_candidates
from rechka.catalog.local import models_folder
from rechka.catalog.selection import TAGS, read_selection
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.registry import check_model, how_to_install, installed_engines
from rechka.serving.plan import require_selectable
from rechka.settings import Settings

__all__ = ["what_is_next"]


def what_is_next(settings: Settings, name: str) -> list[str]:
    """Return lines for a person: which languages an installed model serves, or what it lacks.

    Args:
        settings: The server's.
        name: Of the model.
    """
    try:
        return _next(settings, name)
    except RequestError as error:
        # What was installed is whole all the same.
        return [f"It cannot be served yet: {error.message}"]


def _next(settings: Settings, name: str) -> list[str]:
    engine = settings.recognition.engine
    found = find_candidates(settings.data_dir, check=check_model)
    candidates = found.models
    if problem := found.broken.get(models_folder(settings.data_dir) / name):
        raise RequestError(ErrorCode.INVALID_CONFIG, problem)
    (model,) = (candidate for candidate in candidates if candidate.name == name)
    installed = installed_engines()
    if model.engine not in installed:
        advice = how_to_install(model.engine) or "install the package that has it"
        lack = f"Its engine {model.engine} is not installed: {advice}, then restart the server"
        return [f"{lack} or send it SIGHUP"]
    if engine != "auto":
        why = f"The setting recognition.engine is {engine!r}, not 'auto'"
        return [f"{why}: the server takes what recognition.engine_options names"]
    require_selectable(model, settings.recognition)
    usable = [candidate for candidate in candidates if candidate.engine in installed]
    serving = {
        language.lower(): models[TAGS[0]].name
        for language, models in assign(usable, read_selection(settings.data_dir)).items()
        if TAGS[0] in models
    }
    lines = []
    for language in model.languages:
        server = serving.get(language.lower())
        if server == name:
            lines.append(f"It serves {language}; a running server takes it up without a restart")
        else:
            now = f"{language} is served by {server}" if server else f"nothing serves {language}"
            lines.append(f"{now}; to change that: rechka models use {name} --language {language}")
    return lines
