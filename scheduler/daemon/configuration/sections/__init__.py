"""The sections of the table of settings, in files of their own."""
