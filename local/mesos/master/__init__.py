"""The master: frameworks, agents, offers and what becomes of them; the scheduler and the operator API.

From the bottom up: ``model`` (what there is), ``allocator``, ``validation`` and ``statuses`` (pure),
``state`` (all of it at one place), ``offers``, ``tasks`` and ``operations`` (what changes it),
``frameworks``, ``agents`` (with ``inventory`` and ``agent_loss``) and ``accept`` (who changes it), then the
HTTP endpoints, then ``__main__``.

State is changed by greenlets without locks: no function of this package that changes state waits for
anything, and event streams are written to without blocking.
"""
