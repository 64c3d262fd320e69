"""``/metrics``, in the form that Prometheus reads.

``families`` makes metrics of what the service knows whenever they are asked for, ``calls`` counts the API's
own.
"""
