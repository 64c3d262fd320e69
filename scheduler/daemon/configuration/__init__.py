"""The configuration: ``conf/scheduler.yml`` or another file, and the environment over it.

``table`` names every setting once; ``reading`` takes the values and checks them, ``rules`` compares them
with one another, ``printing`` shows them.
"""

from scheduler.daemon.configuration.printing import check, default_file, describe, effective
from scheduler.daemon.configuration.reading import ConfigurationErrors, load

__all__ = ["ConfigurationErrors", "check", "default_file", "describe", "effective", "load"]
