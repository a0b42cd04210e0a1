"""How a listening worker starts its processes."""

from __future__ import annotations

import os
import sys

from .child import CONTROL_VARIABLE, Control


def fork(control: Control) -> int:
    """A process that goes on from here; it has not run any code of the author's yet.

    Returns:
        Its id; 0 in the process itself, which finds ``control`` as :func:`~duckwing.process.child.control`.
    """
    pid = os.fork()
    if pid == 0:
        os.environ[CONTROL_VARIABLE] = f"{os.getppid()},{control.socket.detach()},{control.progress.descriptor}"
        if "numpy.random" in sys.modules:  # unlike ``random``, it would draw the same numbers in all of them
            sys.modules["numpy.random"].seed()
    return pid


def start_again(control: Control) -> int:
    """A process with the command line of this one, whose code has been imported here and may not be forked.

    Returns:
        Its id.
    """
    descriptors = control.socket.fileno(), control.progress.descriptor
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    environment = os.environ | {CONTROL_VARIABLE: ",".join(map(str, (os.getpid(), *descriptors)))}
    return os.posix_spawn(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment, setsigmask=[])
