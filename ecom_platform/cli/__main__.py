"""`python -m ecom_platform.cli` is `ecom`."""

from ecom_platform.cli.main import main

main()
