"""The one name that pymesos imports from http-parser.

http-parser 0.9.0 ships C code that no longer compiles on Python 3.11 and newer, and pymesos requires
it. Our drivers read the event stream with ``http.client`` (see ``transport``), so the class below is
imported and never made.
"""


class HttpParser:
    """Refuses to be made: whoever needs it uses pymesos' own connection loop, which must not run here."""

    def __init__(self) -> None:
        raise RuntimeError("http-parser is not installed: use the drivers of transport, not pymesos' own loop")
