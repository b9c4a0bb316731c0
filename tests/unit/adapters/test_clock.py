import re

from econsim.adapters.clock import SystemClock, random_id, random_name
from econsim.schemas.subject import token


def test_time_has_nanoseconds_and_never_goes_back_within_a_second():
    clock = SystemClock()

    first, second = clock.now(), clock.now()

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", first)
    assert first <= second


def test_random_names_are_tokens_and_differ():
    assert len({random_id() for _ in range(100)}) == 100
    assert token(random_name("run")) != random_name("run")
