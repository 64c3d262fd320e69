"""What is not as it was written."""


class Damaged(Exception):
    """A manifest that cannot be used: changed, cut off, foreign, or of a later format. One sentence."""
