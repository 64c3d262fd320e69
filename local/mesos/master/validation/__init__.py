"""What the master checks before it believes: frameworks, resources, offers, operations, tasks.

Each function returns when all is well and raises ``Invalid`` with the text of Mesos otherwise. The order of
the checks is that of Mesos, as the first one decides on the text.
"""
