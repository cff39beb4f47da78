"""One-shot steps that the supervisor runs as processes of their own: `python -m ... steps NAME`."""

import sys

from cariflex.runtime import postgres
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout

STEPS = {
    "postgres-prepare": postgres.prepare,
    "databases": postgres.create_databases,
}


def main(arguments: list[str]) -> int:
    """Run the named step; 1 with the cause on stderr if it fails."""
    layout = Layout.from_environment()
    try:
        STEPS[arguments[0]](layout, load_secrets(layout))
    except StartError as err:
        print(err, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
