"""Jobs: what they are, the moves they may make, and the guarantees that hold when machines die."""
