"""`yandex.cloud.ai.stt.v2.SttService`: streaming recognition, API version 2."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, NoReturn

import structlog
from google.protobuf.message import DecodeError

from rechka.access.authority import Authority
from rechka.access.metering import Lease, SessionMeter
from rechka.errors import CapacityError, ErrorCode, RechkaError, RequestError
from rechka.hotwords import Hotword
from rechka.recognition.port import Recognizer
from rechka.results import Result
from rechka.session.clock import Clock
from rechka.session.inbox import Message
from rechka.session.machine import SessionMachine
from rechka.session.observer import SessionObserver
from rechka.session.runner import Session
from rechka.session.validation import check_folder_id
from rechka.settings import LimitSettings, Settings
from rechka.spec import RecognitionSpec
from rechka.transport.calls import Call, current_call
from rechka.transport.refusals import Refusals
from rechka.wire.codec_v2 import decode_config, encode_result, not_a_message
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from rechka.wire.hotwords import decode_hotwords

__all__ = ["SttServicer"]

_log = structlog.get_logger()


class SttServicer(pb_grpc.SttServiceServicer):  # type: ignore[misc]
    """Answers the calls of version 2.

    Args:
        recognizer: Where engine streams come from.
        authority: Judges the folder.
        meter: Judges the folder's quotas, and counts.
        settings: Limits, end of utterance, results.
        clock: Time of the sessions.
        observe: Returns who counts a new session.
        check: Raises an error while the server has no time for one more session.
        is_over: Tells whether the server ends what still runs.
    """

    def __init__(
        self,
        *,
        recognizer: Recognizer,
        authority: Authority,
        meter: SessionMeter,
        settings: Settings,
        clock: Clock,
        observe: Callable[[], SessionObserver],
        check: Callable[[], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._recognizer = recognizer
        self._authority = authority
        self._meter = meter
        self._settings = settings
        self._clock = clock
        self._observe = observe
        self._check = check
        self._is_over = is_over
        self._refusals = Refusals(clock)

    async def StreamingRecognize(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.StreamingRecognitionRequest], context: Any
    ) -> None:
        """Serve one session."""
        call = current_call()
        hotwords = decode_hotwords(dict(context.invocation_metadata() or ()))
        # One at most, and none of a call that is not let in.
        leases: list[Lease] = []
        # What was asked for; nothing where that was refused only a moment ago.
        asked: list[RecognitionSpec] = []

        async def admit(spec: RecognitionSpec, state: SessionMachine) -> str:
            self._refusals.check(spec)
            asked.append(spec)
            self._check()
            folder_id = await self._authority.authorize(
                call.caller, spec.folder_id, caller=call.actor
            )
            lease = await self._meter.admit(
                folder_id,
                caller=call.actor,
                audio_ms=lambda: round(state.decoded_s * 1000),
            )
            leases.append(lease)
            return folder_id

        async def deliver(result: Result) -> None:
            await context.write(encode_result(result))

        observer = self._observe()
        session = Session(
            recognizer=self._recognizer,
            settings=self._settings,
            clock=self._clock,
            admit=admit,
            deliver=deliver,
            observer=observer,
        )
        outcome = "OK"
        try:
            await session.run(_messages(request_iterator, call, hotwords, self._settings.limits))
        except BaseException as error:
            outcome = self._outcome(error)
            if asked and isinstance(error, CapacityError) and error.code is ErrorCode.OVERLOADED:
                raise self._refusals.note(asked[0], error) from None
            raise
        finally:
            observer.ended(outcome=outcome)
            # Before the status is sent: who has it may open the next session at once.
            for lease in leases:
                await lease.close()
                if outcome != ErrorCode.OVERLOADED.value:
                    self._refusals.forget()
            if session.warning is not None:
                context.set_trailing_metadata((("x-rechka-warning", session.warning),))
            _log_end(call, session, outcome)

    def _outcome(self, error: BaseException) -> str:
        """Return how a session that ended by this is counted."""
        if isinstance(error, RechkaError):
            return error.code.value
        if isinstance(error, asyncio.CancelledError):
            return ErrorCode.UNAVAILABLE.value if self._is_over() else "CANCELLED"
        return ErrorCode.INTERNAL.value

    async def LongRunningRecognize(  # noqa: N802
        self, request: pb.LongRunningRecognitionRequest, context: Any
    ) -> NoReturn:
        """Refuse: files are not recognized."""
        raise RequestError(
            ErrorCode.UNIMPLEMENTED,
            "LongRunningRecognize is not served here; stream the file to StreamingRecognize",
        )


def _log_end(call: Call, session: Session, outcome: str) -> None:
    _log.info(
        "session_ended",
        request_id=call.request_id,
        client_request_id=call.client_request_id,
        outcome=outcome,
        received_bytes=session.machine.received_bytes,
        audio_s=round(session.machine.decoded_s, 3),
        audio_warning=session.warning,
    )


async def _messages(
    requests: AsyncIterator[pb.StreamingRecognitionRequest],
    call: Call,
    hotwords: tuple[Hotword, ...],
    limits: LimitSettings,
) -> AsyncIterator[Message]:
    try:
        async for request in requests:
            match request.WhichOneof("streaming_request"):
                case "config":
                    spec = decode_config(request.config, normalize_partials=call.normalize_partials)
                    if not spec.folder_id:
                        # The folder of the settings wins over that of the metadata.
                        check_folder_id(call.folder_id, limits, field="metadata.x-folder-id")
                        spec = replace(spec, folder_id=call.folder_id)
                    yield replace(spec, hotwords=hotwords)
                case "audio_content":
                    yield request.audio_content
                case _:
                    yield None
    except DecodeError:
        raise not_a_message("streaming_request") from None
