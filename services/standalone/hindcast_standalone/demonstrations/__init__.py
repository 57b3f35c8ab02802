"""What `make demo` and `make hurricane` do: users of the HTTP interface, as anybody else."""
