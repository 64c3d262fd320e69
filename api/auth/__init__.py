"""Who may call the API: tokens are read, callers named, and what they may not do is refused.

``callers`` holds what is known of a caller, ``tokens`` and ``jwt`` tell callers by their tokens, ``guard``
asks before every call.
"""
