"""perdure beside a vendor's own SDK: the same work on the same servers in the same run."""
