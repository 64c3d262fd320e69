"""What can keep a node from running."""


class TaskFailed(Exception):
    """The task cannot go on; the message is one sentence for the operator."""


class Stopped(Exception):
    """The task was told to end before it was up."""
