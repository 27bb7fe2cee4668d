"""A real Docker Engine on this machine, and the container image that it builds.

Belongs here: starting an engine, asking it, building and measuring the image.
Does not: the Dockerfile; the containers of tenants, which tests and launchers start.
May import: contract, sandbox.child, sandbox.debian.
"""
