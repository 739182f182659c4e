"""What can go wrong, one class for each exit code of the command line.

Every message is one line that names the file or the setting, says what was expected and what to do about it.
"""


def printable(text: str) -> str:
    """Return a text as one line a terminal can show: control and undecodable characters escaped."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in decoded)


class IntarsiaError(Exception):
    """Base of everything this package raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class VerificationError(IntarsiaError):
    """Hidden, but the saved container did not give the secret back; the container was removed."""

    exit_code = 1


class UsageError(IntarsiaError, ValueError):
    """A setting, a name or a combination of options that cannot be meant."""

    exit_code = 2


class InputError(IntarsiaError):
    """An input file is missing, damaged, of the wrong kind, or lies about itself."""

    exit_code = 3


class NoSecretError(IntarsiaError):
    """Wrong password, nothing hidden, or damaged: on purpose nobody can tell which."""

    exit_code = 4

    def __init__(self, where: str = "") -> None:
        text = "no secret found, or wrong password, or the file was changed after hiding"
        super().__init__(f"{where}: {text}" if where else text)


class DoesNotFitError(IntarsiaError):
    """The secret needs more bytes than the cover offers.

    Attributes:
        needed: bytes the secret needs in its smallest form, header excluded.
        available: bytes the cover offers under the settings in force.
    """

    exit_code = 5

    def __init__(self, message: str, *, needed: int, available: int) -> None:
        super().__init__(message)
        self.needed = needed
        self.available = available


class ResourceError(IntarsiaError):
    """The input is larger than the limit in force, or memory ran out."""

    exit_code = 6


class WeightsError(IntarsiaError):
    """Trained weights are missing, damaged or of the wrong shape."""

    exit_code = 7


class OutputError(IntarsiaError):
    """The output cannot be written: it exists, its folder does not, the disk is full."""

    exit_code = 8


def out_of_memory(where: str = "") -> ResourceError:
    """Return the error for memory that ran out, with what had been taken until then."""
    try:
        import resource
    except ImportError:  # not a Unix
        taken = ""
    else:
        taken = f"more than {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB are needed; "
    return ResourceError(f"out of memory{where}; {taken}use a smaller file, or a machine with more")
