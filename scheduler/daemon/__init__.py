"""The daemon: event, decide, persist, act, acknowledge; leadership, configuration, and what the API asks."""
