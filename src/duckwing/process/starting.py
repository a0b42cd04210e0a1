"""How a listening worker starts its processes."""

from __future__ import annotations

import os
import socket
import sys

from .child import CONTROL_VARIABLE


def fork(control: socket.socket) -> int:
    """A process that goes on from here; it has not run any code of the author's yet.

    Returns:
        Its id; 0 in the process itself, which finds the socket as :func:`~duckwing.process.child.control_socket`.
    """
    pid = os.fork()
    if pid == 0:
        os.environ[CONTROL_VARIABLE] = str(control.detach())
        if "numpy.random" in sys.modules:  # unlike ``random``, it would draw the same numbers in all of them
            sys.modules["numpy.random"].seed()
    return pid


def start_again(control: socket.socket) -> int:
    """A process with the command line of this one, whose code has been imported here and may not be forked.

    Returns:
        Its id.
    """
    os.set_inheritable(control.fileno(), True)
    environment = os.environ | {CONTROL_VARIABLE: str(control.fileno())}
    return os.posix_spawn(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment, setsigmask=[])
