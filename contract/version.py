"""The version of all that lies here, the one place where it stands."""

VERSION = "0.1.0"
