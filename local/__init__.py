"""The one-machine cluster: a small Mesos to develop and try the framework on, and the command that runs it."""
