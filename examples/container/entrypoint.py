"""The entry point of the image: one word says how the worker is reached, flags after it go to the worker."""

import os
import sys

TRANSPORTS = {"stdio": [], "tcp": ["--tcp", "0.0.0.0:8001", "--allow-remote"]}


def main() -> None:
    word, *flags = sys.argv[1:] or ["stdio"]
    if word not in TRANSPORTS:
        raise SystemExit(f"expected one of {', '.join(TRANSPORTS)}, not {word!r}")
    command = [sys.executable, "-m", "duckwing.cli", "run", "worker.py", *TRANSPORTS[word], *flags]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
