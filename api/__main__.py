"""``python -m asteroid_cloud.api`` is ``asteroid``."""

from asteroid_cloud.api.cli import main

main()
