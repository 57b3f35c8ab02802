"""The process that runs jobs, each attempt in a child of its own: `python -m hindcast_trainer.worker`."""
