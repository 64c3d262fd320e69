"""What keeps the cluster from running, for whoever typed the command."""


class Failure(Exception):
    """One sentence that says what is wrong and what to do."""


class Refused(Failure):
    """The scheduler does not take what was asked for: with what was before, all would be well."""


class Missing(Failure):
    """A prerequisite is not there, or an argument is not valid: trying again will not help."""
