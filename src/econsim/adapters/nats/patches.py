"""Every patch of the client library, nats-py 2.16.0: no other module touches a private member of it.

The version is pinned, because each patch rests on how that version works; a newer one is taken by going through
this list. Each entry says what the library does, why that hurts, what is done here, and the report upstream.

1. `parser.MSG_RE`, `parser.HMSG_RE` split the server's lines at any white space. A form feed in an agent's subject
   ends the read loop of every service that receives it: the service is deaf until its pings are missed, ten seconds
   later. Here they split at spaces only, which is all that the server writes.
   To report: a subject with a form feed passes the server's checks and makes the parser raise ProtocolError.
2. `Client._build_message` decodes subject and reply subject as strict UTF-8, with the same effect. Here other bytes
   become replacement characters, and a handler refuses the message. nats-io/nats.rs#1572 is the same fault in
   another client. To report: the server does not check that a subject is UTF-8, so the client must not assume it.
3. `Client._process_headers` raises on a malformed status line, with the same effect. Here such a message has no
   headers. To report: a status line that is no UTF-8 or no number raises out of the read loop.
4. `Client._process_pong` sets the result of a future that a cancelled or timed-out flush has ended already:
   InvalidStateError ends the read loop. Here the answer to an abandoned flush is dropped. Near it:
   nats-io/nats.py#469. To report: `flush` leaves its future in the list of pongs when it is cancelled.
5. `APIError.from_error` raises the error, also where it is to be stored: whoever awaits an asynchronous publish then
   never learns that the stream refused it. Here it returns the error. Reported: nats-io/nats.py#985, #994.
6. `JetStreamContext.publish_async` counts a message as pending before it is written, and for ever if writing fails.
   `release_failed_publish` takes it off. To report: a failed `publish` leaks a pending future and a semaphore slot.
7. `Client._process_err` closes a client for good on nearly every error that the server sends, and FastStream's error
   callback (`Client._error_cb`) ends a reconnection on some. But credentials may be about to be replaced, or not
   yet known to one server of a cluster. `reconnect_on_errors` makes all but a forbidden subject a lost connection,
   through `Client._process_op_err`. To report: an option to reconnect after an authorization error, as nats.go has.
8. `Client._process_msg` gives each message a task and a handler before anybody can refuse it. `install_filter` asks
   first. To report: a hook before a message is dispatched.
9. `Client._closed_cb` can be set only when connecting, before what is to end with the client exists.
   `call_when_closed` sets it later. To report: a method that adds a callback for the end of a connection.
10. `Client._parse_header_lines` asks each character of each name whether it is white space: 19 µs for the eight headers
    of a stored message, more than all else that is done to read it. Here each name is asked once. To report: as is.
11. `Client._process_msg` gives each message parsed headers, an object, a place in a queue and a turn of a task; `Parser.parse`
    copies its parts twice. Who reads a stored run needs the bytes. `hand_over` gives them as they came, without any of that.
    To report: a subscription whose callback is called in the read loop, with the raw block of headers.
12. `Client._request_new_style` draws two random texts for each request and waits by `asyncio.wait_for`. Here the
    random prefix of the client's inbox is followed by a number, and a timer ends the wait: a quarter less of a request's time.
    To report: as is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from itertools import count
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionDrainingError, Error
from nats.js import JetStreamContext, errors
from nats.protocol import parser
from nats.protocol.parser import PERMISSIONS_ERR

Passes = Callable[[bytes, bytes], bool]
"""Returns whether a message is dispatched, by its subject and reply subject."""

Receive = Callable[[bytes, int, int, int], None]
"""Takes what was read, and where in it the headers and the payload of a message begin, and where it ends."""

_MESSAGE: Final = re.compile(rb"\AMSG +([^ \r\n]+) +(\d+) +(?:(([^ \r\n]+)) +)?(\d+) *\r\n")
_HEADED: Final = re.compile(rb"\AHMSG +([^ \r\n]+) +(\d+) +(?:(([^ \r\n]+)) +)?(\d+) +(\d+) *\r\n")
_WHOLE: Final = re.compile(rb"HMSG [^ \r\n]+ (\d+) (\d+) (\d+)\r\n")
_TAKERS: Final = "_econsim_takers"
_NUMBERS: Final = count(1)


def apply_patches() -> None:
    """Make every client of this process survive what others send (1 to 5 above), and read headers and send requests fast (10, 12); idempotent."""
    if parser.MSG_RE is _MESSAGE:
        return
    parser.MSG_RE, parser.HMSG_RE = _MESSAGE, _HEADED
    read, build, pong = Client._process_headers, Client._build_message, Client._process_pong

    @wraps(read)
    async def process_headers(self: Client, raw: bytes | None) -> dict[str, str] | None:
        try:
            return await read(self, raw)
        except (ValueError, IndexError, LookupError):
            return None

    @wraps(build)
    def build_message(self: Client, sid: int, subject: bytes, reply: bytes, *rest: Any) -> object:  # noqa: ANN401 - passed on
        return build(self, sid, valid_utf8(subject), valid_utf8(reply), *rest)

    @wraps(pong)
    async def process_pong(self: Client) -> None:
        pending = self._pongs
        if pending and pending[0].done():
            pending[0] = asyncio.Future()
        await pong(self)

    errors.APIError.from_error = staticmethod(partial(_api_error, errors.APIError.from_error))  # type: ignore[method-assign]
    Client._process_pong = process_pong  # type: ignore[method-assign]
    Client._process_headers = process_headers  # type: ignore[method-assign,assignment]
    Client._build_message = build_message  # type: ignore[method-assign,assignment]
    Client._parse_header_lines = staticmethod(header_lines)  # type: ignore[method-assign,assignment]
    Client._request_new_style = _request  # type: ignore[method-assign]


async def _request(
    self: Client,
    subject: str,
    payload: bytes,
    timeout: float = 1,  # noqa: ASYNC109 - the library's own signature
    headers: dict[str, Any] | None = None,
) -> Msg:
    """Send a request and return its answer (12)."""
    if self.is_draining_pubs:
        raise ConnectionDrainingError
    if not self._resp_sub_prefix:
        await self._init_request_sub()
    assert self._resp_sub_prefix
    token, loop = str(next(_NUMBERS)), asyncio.get_running_loop()
    answer: asyncio.Future[Msg] = loop.create_future()
    self._resp_map[token] = answer
    timer = loop.call_later(timeout, _end_late, answer)
    try:
        await self.publish(subject, payload, reply=self._resp_sub_prefix.decode() + token, headers=headers)
        return await answer
    finally:
        timer.cancel()
        self._resp_map.pop(token, None)


def _end_late(answer: asyncio.Future[Msg]) -> None:
    if not answer.done():
        answer.set_exception(nats.errors.TimeoutError())


def header_lines(block: bytes) -> dict[str, str]:
    """Return the headers in a block of lines; a line without colon or with a name that is no word is left out (10)."""
    found: dict[str, str] = {}
    for line in block.decode(errors="replace").split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.strip()
        if colon and name.isascii() and len(name.split()) <= 1:
            found[name] = value.strip()
    return found


def valid_utf8(text: bytes) -> bytes:
    """Return text as valid UTF-8, with replacement characters where it is none."""
    return text if text.isascii() else text.decode(errors="replace").encode()


def release_failed_publish(stream: JetStreamContext) -> None:
    """Take the asynchronous publish that has just failed off those the library counts as pending (6)."""
    if pending := list(stream._publish_async_futures.values()):
        pending[-1].cancel()


def reconnect_on_errors(
    client: Client, on_error: Callable[[Exception], Awaitable[None]], on_return: Callable[[], Awaitable[None]]
) -> None:
    """Have a connected client reconnect after whatever error the server sends (7); both replace its callbacks."""
    client._error_cb, client._reconnected_cb = on_error, on_return
    client._process_err = partial(_process_err, client, client._process_err)  # type: ignore[method-assign]


def install_filter(client: Client, passes: Passes) -> None:
    """Drop each message that does not pass, before it costs a task and a handler (8)."""
    process = client._process_msg

    async def process_msg(sid: int, subject: bytes, reply: bytes, *rest: Any) -> None:  # noqa: ANN401 - passed on
        if passes(subject, reply):
            await process(sid, subject, reply, *rest)

    client._process_msg = process_msg  # type: ignore[method-assign,assignment]


@contextmanager
def hand_over(subscription: Subscription, receive: Receive) -> Iterator[None]:
    """Have `receive` take a subscription's messages in the read loop, as they came (11); it must not raise."""
    client = subscription._conn
    takers: dict[int, Receive] | None = vars(client).get(_TAKERS)
    if takers is None:
        takers = vars(client)[_TAKERS] = {}
        client._process_msg = partial(_give, takers, client._process_msg)
        client._ps.parse = partial(_parse, takers, client._ps, client._ps.parse)
    takers[subscription._id] = receive
    try:
        yield
    finally:
        del takers[subscription._id]


def call_when_closed(client: Client, callback: Callable[[], Awaitable[None]]) -> None:
    """Have a connected client call this once it is closed for good (9)."""
    client._closed_cb = callback


def _api_error(make: Callable[[dict[str, Any]], errors.APIError], answer: dict[str, Any]) -> errors.APIError:
    """Return the error that an answer of the server stands for, which the library's own function raises."""
    try:
        return make(answer)
    except errors.APIError as error:
        return error


async def _process_err(client: Client, process: Callable[[str], Awaitable[None]], text: str) -> None:
    """Process an error of the server: all but a forbidden subject is a lost connection, one like any other.

    Not only refusals: the server may first tell a user with a revoked key that it has too many subscriptions.
    """
    if PERMISSIONS_ERR in text:
        await process(text)
    else:
        await client._process_op_err(Error(f"nats: {text}"))


async def _give(
    takers: Mapping[int, Receive],
    process: Callable[..., Awaitable[None]],
    sid: int,
    *message: Any,  # noqa: ANN401 - passed on
) -> None:
    """Process a message, or give it to who takes those of its subscription."""
    if receive := takers.get(sid):
        _subject, _reply, data, block = message
        head = block or b""
        receive(head + data, 0, len(head), len(head) + len(data))
    else:
        await process(sid, *message)


async def _parse(
    takers: Mapping[int, Receive],
    reader: parser.Parser,
    parse: Callable[[bytes], Awaitable[None]],
    data: bytes = b"",
) -> None:
    """Give whole messages to who takes them, and have the others and the last part of what was read parsed."""
    if takers and reader.state == parser.AWAITING_MSG_PAYLOAD:
        missing = reader.needed + parser.CRLF_SIZE - len(reader.buf)
        await parse(data[:missing])
        data = data[missing:]
    if takers and reader.state == parser.AWAITING_CONTROL_LINE:
        data, place = bytes(reader.buf) + data, 0
        reader.buf.clear()
        while (line := _WHOLE.match(data, place)) and (receive := takers.get(int(line[1]))):
            begin = line.end()
            end = begin + int(line[3])
            if len(data) < end + parser.CRLF_SIZE:
                break
            receive(data, begin, begin + int(line[2]), end)
            place = end + parser.CRLF_SIZE
        data = data[place:]
    await parse(data)
