"""What a release is made of: the tarball that agents run the scheduler from, the DC/OS package, the reference."""
