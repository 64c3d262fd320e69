"""The REST API: parses, asks the daemon, answers; decides nothing."""
