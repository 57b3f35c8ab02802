"""What `make demo`, `hurricane`, `table1` and `asr-demo` do: users of the HTTP interface, as anybody else."""
