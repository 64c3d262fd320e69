"""The backup format: locations, names, object keys, manifests. Pure but for ``s3``, a client of stores."""
