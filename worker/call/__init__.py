"""One call, in its own process: admitted, joined, held, ended.

Belongs here: the entry of a call's process, its admission, the conversation, the hang-up.
Does not: how agents speak and listen (`worker.agent`), how a process is forked (`worker.forking`).
May import: agent, guard, usage and forking of worker, worker's top modules, project, contract.
"""
