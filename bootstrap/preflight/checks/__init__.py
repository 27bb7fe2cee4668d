"""The questions that the preflight asks, one function each; the catalogue puts them in order.

Belongs here: async functions from a context to an outcome; they leave nothing behind.
Does not: order, deadlines, wording of titles (catalogue), running and reporting them.
May import: contract, project, and `check`, `findings`, `settings` of bootstrap.
"""
