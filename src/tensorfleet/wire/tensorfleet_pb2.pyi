from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTrainingJobRequest(_message.Message):
    __slots__ = ("spec_json", "idempotency_key")
    SPEC_JSON_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    spec_json: str
    idempotency_key: str
    def __init__(self, spec_json: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class GetJobStatusRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("job_id", "name", "status", "reason", "progress", "attempt", "json")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    name: str
    status: str
    reason: str
    progress: float
    attempt: int
    json: str
    def __init__(self, job_id: _Optional[str] = ..., name: _Optional[str] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., progress: _Optional[float] = ..., attempt: _Optional[int] = ..., json: _Optional[str] = ...) -> None: ...

class AgentMessage(_message.Message):
    __slots__ = ("hello", "heartbeat", "started", "chunk", "outcome", "stacks", "health", "link")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STACKS_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    heartbeat: Heartbeat
    started: TaskStarted
    chunk: Chunk
    outcome: TaskOutcome
    stacks: TaskStacks
    health: HealthReport
    link: LinkReport
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., started: _Optional[_Union[TaskStarted, _Mapping]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ..., outcome: _Optional[_Union[TaskOutcome, _Mapping]] = ..., stacks: _Optional[_Union[TaskStacks, _Mapping]] = ..., health: _Optional[_Union[HealthReport, _Mapping]] = ..., link: _Optional[_Union[LinkReport, _Mapping]] = ...) -> None: ...

class OrchestratorMessage(_message.Message):
    __slots__ = ("welcome", "start", "stop", "taken", "released", "dump", "heard", "check", "link")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    DUMP_FIELD_NUMBER: _ClassVar[int]
    HEARD_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    start: StartTask
    stop: StopTask
    taken: ChunkTaken
    released: TaskReleased
    dump: DumpStacks
    heard: Heard
    check: CheckHealth
    link: MeasureLink
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., start: _Optional[_Union[StartTask, _Mapping]] = ..., stop: _Optional[_Union[StopTask, _Mapping]] = ..., taken: _Optional[_Union[ChunkTaken, _Mapping]] = ..., released: _Optional[_Union[TaskReleased, _Mapping]] = ..., dump: _Optional[_Union[DumpStacks, _Mapping]] = ..., heard: _Optional[_Union[Heard, _Mapping]] = ..., check: _Optional[_Union[CheckHealth, _Mapping]] = ..., link: _Optional[_Union[MeasureLink, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("worker_id", "name", "slots", "resources_json", "held")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_JSON_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    name: str
    slots: int
    resources_json: str
    held: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, worker_id: _Optional[str] = ..., name: _Optional[str] = ..., slots: _Optional[int] = ..., resources_json: _Optional[str] = ..., held: _Optional[_Iterable[int]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("lease_s", "heartbeat_s", "held")
    LEASE_S_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_S_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    lease_s: float
    heartbeat_s: float
    held: _containers.RepeatedCompositeFieldContainer[HeldLease]
    def __init__(self, lease_s: _Optional[float] = ..., heartbeat_s: _Optional[float] = ..., held: _Optional[_Iterable[_Union[HeldLease, _Mapping]]] = ...) -> None: ...

class HeldLease(_message.Message):
    __slots__ = ("lease", "log_offset", "record_offset", "over", "secrets", "secrets_changed")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    LOG_OFFSET_FIELD_NUMBER: _ClassVar[int]
    RECORD_OFFSET_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    SECRETS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    lease: int
    log_offset: int
    record_offset: int
    over: bool
    secrets: _containers.RepeatedScalarFieldContainer[str]
    secrets_changed: bool
    def __init__(self, lease: _Optional[int] = ..., log_offset: _Optional[int] = ..., record_offset: _Optional[int] = ..., over: _Optional[bool] = ..., secrets: _Optional[_Iterable[str]] = ..., secrets_changed: _Optional[bool] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("stats_json",)
    STATS_JSON_FIELD_NUMBER: _ClassVar[int]
    stats_json: str
    def __init__(self, stats_json: _Optional[str] = ...) -> None: ...

class Heard(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StartTask(_message.Message):
    __slots__ = ("lease", "rank", "task_json", "secrets")
    class SecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LEASE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    TASK_JSON_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    lease: int
    rank: int
    task_json: str
    secrets: _containers.ScalarMap[str, str]
    def __init__(self, lease: _Optional[int] = ..., rank: _Optional[int] = ..., task_json: _Optional[str] = ..., secrets: _Optional[_Mapping[str, str]] = ...) -> None: ...

class StopTask(_message.Message):
    __slots__ = ("lease", "reason", "how")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    lease: int
    reason: str
    how: str
    def __init__(self, lease: _Optional[int] = ..., reason: _Optional[str] = ..., how: _Optional[str] = ...) -> None: ...

class TaskStacks(_message.Message):
    __slots__ = ("lease", "stalled", "beats", "step", "idle_s", "usual_s", "stacks_json")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    STALLED_FIELD_NUMBER: _ClassVar[int]
    BEATS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    IDLE_S_FIELD_NUMBER: _ClassVar[int]
    USUAL_S_FIELD_NUMBER: _ClassVar[int]
    STACKS_JSON_FIELD_NUMBER: _ClassVar[int]
    lease: int
    stalled: bool
    beats: int
    step: int
    idle_s: float
    usual_s: float
    stacks_json: str
    def __init__(self, lease: _Optional[int] = ..., stalled: _Optional[bool] = ..., beats: _Optional[int] = ..., step: _Optional[int] = ..., idle_s: _Optional[float] = ..., usual_s: _Optional[float] = ..., stacks_json: _Optional[str] = ...) -> None: ...

class DumpStacks(_message.Message):
    __slots__ = ("lease",)
    LEASE_FIELD_NUMBER: _ClassVar[int]
    lease: int
    def __init__(self, lease: _Optional[int] = ...) -> None: ...

class TaskStarted(_message.Message):
    __slots__ = ("lease", "pid")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    lease: int
    pid: int
    def __init__(self, lease: _Optional[int] = ..., pid: _Optional[int] = ...) -> None: ...

class CheckHealth(_message.Message):
    __slots__ = ("number", "sent_at")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    number: int
    sent_at: float
    def __init__(self, number: _Optional[int] = ..., sent_at: _Optional[float] = ...) -> None: ...

class HealthReport(_message.Message):
    __slots__ = ("number", "received_at", "sent_at", "measured_json")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    MEASURED_JSON_FIELD_NUMBER: _ClassVar[int]
    number: int
    received_at: float
    sent_at: float
    measured_json: str
    def __init__(self, number: _Optional[int] = ..., received_at: _Optional[float] = ..., sent_at: _Optional[float] = ..., measured_json: _Optional[str] = ...) -> None: ...

class MeasureLink(_message.Message):
    __slots__ = ("number", "peer", "secret", "bytes")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    number: int
    peer: str
    secret: str
    bytes: int
    def __init__(self, number: _Optional[int] = ..., peer: _Optional[str] = ..., secret: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class LinkReport(_message.Message):
    __slots__ = ("number", "address", "measured_json")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MEASURED_JSON_FIELD_NUMBER: _ClassVar[int]
    number: int
    address: str
    measured_json: str
    def __init__(self, number: _Optional[int] = ..., address: _Optional[str] = ..., measured_json: _Optional[str] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("lease", "stream", "start", "data", "end")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    lease: int
    stream: str
    start: int
    data: bytes
    end: int
    def __init__(self, lease: _Optional[int] = ..., stream: _Optional[str] = ..., start: _Optional[int] = ..., data: _Optional[bytes] = ..., end: _Optional[int] = ...) -> None: ...

class ChunkTaken(_message.Message):
    __slots__ = ("lease", "stream", "next")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    lease: int
    stream: str
    next: int
    def __init__(self, lease: _Optional[int] = ..., stream: _Optional[str] = ..., next: _Optional[int] = ...) -> None: ...

class TaskOutcome(_message.Message):
    __slots__ = ("lease", "outcome_json")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_JSON_FIELD_NUMBER: _ClassVar[int]
    lease: int
    outcome_json: str
    def __init__(self, lease: _Optional[int] = ..., outcome_json: _Optional[str] = ...) -> None: ...

class TaskReleased(_message.Message):
    __slots__ = ("lease",)
    LEASE_FIELD_NUMBER: _ClassVar[int]
    lease: int
    def __init__(self, lease: _Optional[int] = ...) -> None: ...

class AssignTaskRequest(_message.Message):
    __slots__ = ("hello",)
    HELLO_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ...) -> None: ...

class AssignTaskResponse(_message.Message):
    __slots__ = ("start", "stop")
    START_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    start: _containers.RepeatedCompositeFieldContainer[StartTask]
    stop: _containers.RepeatedCompositeFieldContainer[StopTask]
    def __init__(self, start: _Optional[_Iterable[_Union[StartTask, _Mapping]]] = ..., stop: _Optional[_Iterable[_Union[StopTask, _Mapping]]] = ...) -> None: ...

class ObjectQuestion(_message.Message):
    __slots__ = ("lease", "question_json", "data")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    QUESTION_JSON_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    lease: int
    question_json: str
    data: bytes
    def __init__(self, lease: _Optional[int] = ..., question_json: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class ObjectAnswer(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class WakeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WakeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
