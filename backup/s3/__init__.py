"""A client of S3 stores, of the standard library alone. Nothing of the backup format but the location."""
