"""What two or more of Hindcast's services need, and nothing else."""
