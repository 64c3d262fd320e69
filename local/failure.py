"""What keeps the cluster from starting, for whoever typed the command."""


class Failure(Exception):
    """One sentence that says what is wrong and what to do."""


class Missing(Failure):
    """A prerequisite is not installed."""
