"""What a release is made of: the tarball to run the scheduler from, the DC/OS package, the reference."""
