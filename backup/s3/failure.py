"""What can go wrong with a store. Each message is one sentence for the operator, without a secret."""


class S3Failed(Exception):
    """The store does not do what it is asked to, and asking again would not help."""


class NoKeys(S3Failed):
    """No keys were given, and the node has none of its own."""


class WrongKey(S3Failed):
    """The store does not know the access key, or the secret key does not belong to it."""


class WrongBucket(S3Failed):
    """There is no such bucket."""


class WrongRegion(S3Failed):
    """The bucket lies elsewhere."""


class Denied(S3Failed):
    """The keys are right and may not do this."""


class NotThere(S3Failed):
    """There is no such object."""


class TooShort(NotThere):
    """The object does not reach as far as what is asked for."""


class Exists(S3Failed):
    """There is such an object already, and it was to be new."""


class NotOffered(S3Failed):
    """The store lacks what is asked for, such as writing only what is new."""


class Unreachable(S3Failed):
    """The store did not answer as it should, however often it was tried."""


class Passing(Exception):
    """One attempt has failed, and another may do better; the message says why."""
