"""The core: (world, event, now) -> (new records, intents). Pure: no I/O, no clock, no randomness."""
