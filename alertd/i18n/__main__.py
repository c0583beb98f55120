"""`python -m alertd.i18n check [--errors]`: exit 1 and a line each where a translation lacks."""

import sys

from alertd.i18n.check import problems, root


def main(arguments: list[str]) -> int:
    """Print what is missing; 0 where nothing is, 1 where something is, 2 for a wrong call."""
    if arguments[:1] != ["check"] or set(arguments[1:]) - {"--errors"}:
        sys.stderr.write("usage: python -m alertd.i18n check [--errors]\n")
        return 2
    lines = problems(root(), raised="--errors" in arguments)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
