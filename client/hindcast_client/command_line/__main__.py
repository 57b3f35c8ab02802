"""`python -m hindcast_client.command_line`, where the script `hindcast` isn't on the path."""

from hindcast_client.command_line.app import app

app(prog_name="hindcast")
