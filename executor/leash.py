"""Becomes a program that ends when the process which started it ends. Run as a script, by ``process``.

Arguments: the pid of the starter, then the program's path and arguments. Needs the standard library alone.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(starter: int, command: list[str]) -> None:
    """Replace this process by ``command``; the kernel sends it a SIGTERM when the starter dies.

    The kernel watches the *thread* that started this, so that one has to live as long as the starter.
    """
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != starter:
        # It has died before the call above, so no signal will come.
        sys.exit("the executor has ended")
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
