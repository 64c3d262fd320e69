"""The data path of backup and restore on one node: snapshot, upload, verification, download, deletion."""
