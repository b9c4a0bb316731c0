"""Joining a run without a server or without credentials fails with the remedy."""

import pytest

from econsim.agents.session import join
from econsim.errors import SetupError


@pytest.mark.parametrize(
    ("nats", "said"),
    [
        (None, "no NATS server is running here; start one with `econsim up`, or name one with nats="),
        ("nats://127.0.0.1:1", "`econsim agent create anna --run demo`"),
    ],
)
async def test_a_missing_server_or_file_is_named_with_the_remedy(tmp_path, monkeypatch, nats, said):
    monkeypatch.delenv("ECONSIM_NATS", raising=False)

    with pytest.raises(SetupError) as caught:
        await join("demo", "anna", state=tmp_path, nats=nats, wait_s=0).__aenter__()

    assert said in str(caught.value)
