"""`python -m konversi`."""

from konversi.cli import main

main()
