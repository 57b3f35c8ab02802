"""What `make demo`, `make hurricane` and `make table1` do: users of the HTTP interface, as anybody else."""
