"""`hindcast`, the command line: a client like any other, which knows no more of the services than their HTTP."""
