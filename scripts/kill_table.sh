#!/bin/sh
# The kill table: which control is caught in which build, with its plan and
# without. `--help` tells; all of it is kill_table.py.
exec python3 "$(dirname "$0")/kill_table.py" "$@"
