"""``dcos-cassandra``, which the DC/OS CLI runs as ``dcos-cassandra cassandra …``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from cli.app import program
from cli.completion import PROGRAM, VARIABLE
from cli.failure import INTERRUPTED, Failure

SUBCOMMAND = "cassandra"
"""What the DC/OS CLI puts first: the word by which it has found the program."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code, which README and --help explain."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    given = given[1:] if given[:1] == [SUBCOMMAND] else given
    try:
        code = program.main(given, prog_name=PROGRAM, complete_var=VARIABLE, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except Failure as error:
        print(error, file=sys.stderr)
        return error.code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has read enough; the interpreter would complain on its own flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
