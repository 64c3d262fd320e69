"""What scheduler and executor say to each other, over Mesos alone.

Three envelopes, each JSON with a version: the data of a task (``protocol.task``), the data of a status
update (``protocol.report``) and messages both ways (``protocol.message``). A scheduler understands
executors of the version before its own: new fields get defaults, old ones keep their meaning.
Standard library only, because it ships in the executor's bundle.
"""
