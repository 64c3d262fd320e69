"""The agent: starts executors as real processes, keeps their updates, survives its own death.

From the bottom up: ``container``, ``volumes``, ``fetcher`` and ``environment`` (what executors find),
``updates`` and ``executor`` (what there is), ``checkpoints`` and ``records`` (how it is written down),
``agent`` (all of it at one place), ``status_updates``, ``executors`` and ``operations`` (what changes it),
``orders`` and ``recovery`` (who changes it), then the HTTP endpoints, then ``__main__``. ``supervisor`` and
``command_executor`` are programs of their own, which run in containers.
"""
