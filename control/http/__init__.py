"""What the control plane answers over HTTP: routes, problems, and who may come in.

Belongs here: routers, request and answer shapes, the token, the bound on bodies, problem+json.
Does not: decisions; those are the registry's, the calls' and the fleet's.
May import: the rest of control, project, contract, FastAPI.
"""
