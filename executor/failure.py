"""What can keep a node from running, or from answering."""


class TaskFailed(Exception):
    """The task cannot go on; the message is one sentence for the operator."""


class Stopped(Exception):
    """The task was told to end before Cassandra was started."""


class NotAnswering(Exception):
    """Cassandra cannot be asked: not started, hanging, or refusing; the message says which."""


class Refused(Exception):
    """Cassandra was told to do something and has not done it; the message is its own reason."""
