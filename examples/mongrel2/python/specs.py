"""The command line of the examples."""
import signal
import sys


def specs(file):
    """The two endpoints that every example is given. Without them, prints the usage and exits with code 2."""
    if len(sys.argv) != 3:
        print(f'usage: {file} SEND_SPEC RECV_SPEC', file=sys.stderr)
        sys.exit(2)
    # Ctrl-C ends the program without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return sys.argv[1:]
