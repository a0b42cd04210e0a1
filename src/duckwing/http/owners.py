"""Streams that only one process can go on with: how that process is asked, wherever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..rpc.errors import RpcError
from .answers import refusal
from .pointers import settled
from .siblings import Ask, Siblings
from .tokens import InvalidToken

if TYPE_CHECKING:
    from ..rpc.call import Identity
    from ..state.backend import Backend
    from .answers import Answer
    from .calls import Route
    from .mailboxes import Mailbox


class Owners:
    """The other processes: those of this machine, and those that share its state.

    Args:
        me: 16 bytes that name this process.
        answer: answers what others hand over.
        is_owner: whether this process has streams that others may ask for.
        backend: where processes of several machines meet.
    """

    def __init__(self, me: bytes, answer: Ask, is_owner: Callable[[], bool], backend: Backend | None):
        self._answer = answer
        self._siblings = Siblings(me, self._answered)
        self._mailbox: Mailbox | None = None
        if backend is not None:
            from .mailboxes import Mailbox

            self._mailbox = Mailbox(backend, me, self._answered, is_owner)

    async def listen(self) -> None:
        """Let the processes of this machine find this one.

        Raises:
            StateError: there is no place for its socket.
            OSError: likewise.
        """
        await self._siblings.listen()

    async def look(self) -> None:
        """Let those of other machines find this one, as long as it has streams that they may ask for.

        Raises:
            StateError: the server of shared state does not answer.
        """
        if self._mailbox is not None:
            await self._mailbox.look()

    async def ask(self, owner: bytes, route: Route, body: bytes, caller: Identity, limit: int) -> Answer | None:
        """What another process answers; None if it is not there, or dies meanwhile.

        Raises:
            StateError: the server of shared state does not answer.
        """
        answer = await self._siblings.ask(owner, route, body, caller, limit)
        if answer is None and self._mailbox is not None:
            answer = await self._mailbox.ask(owner, route, body, caller, limit)
        return answer

    def close(self) -> None:
        """Be found no more."""
        self._siblings.close()
        if self._mailbox is not None:
            self._mailbox.close()

    async def _answered(self, route: Route, body: bytes, caller: Identity, limit: int) -> Answer:
        try:
            return await settled(await self._answer(route, body, caller, limit))
        except (RpcError, InvalidToken, TypeError) as error:
            return refusal(error, 400, "", body)
