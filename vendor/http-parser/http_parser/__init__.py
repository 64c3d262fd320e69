"""Stand-in for the http-parser distribution (see ``http_parser.http``)."""
