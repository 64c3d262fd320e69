"""``python -m local COMMAND``. An older Python can read this file, to be told so."""

import sys

if sys.version_info < (3, 11):
    version = ".".join(str(number) for number in sys.version_info[:2])
    sys.stderr.write("Python 3.11 or newer is needed, and this is " + version + "\n")
    sys.exit(2)

from local.cli import main

sys.exit(main())
