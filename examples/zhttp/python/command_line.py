"""The command line of the examples."""
import sys


def command_line(usage):
    """The arguments of a program, with None for absent optional ones.

    `usage` is such as `stream.py BASE [SECONDS]`; words in brackets are optional. If an argument is missing, prints the usage and
    exits with code 2.
    """
    names = usage.split(' ')[1:]
    required = sum(not name.startswith('[') for name in names)
    values = sys.argv[1:]
    if not required <= len(values) <= len(names):
        print(f'usage: {usage}', file=sys.stderr)
        sys.exit(2)
    return values + [None] * (len(names) - len(values))
