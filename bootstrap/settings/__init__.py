"""What one container was told, read from every source and held against itself.

Belongs here: the settings as one value, and the files that they name.
Does not: single variables, which control reads as well (`contract.settings`).
May import: contract, `project.credentials`.
"""
