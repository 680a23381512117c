"""``python -m asteroid_cloud.api`` is ``asteroid``."""

from asteroid_cloud.api.cli.main import main

main()
