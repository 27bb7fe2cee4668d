"""Proves, or disproves, that no tenant meets another: asked of projects and workers themselves.

Belongs here: the questions, the answers as data, and how they are shown.
Does not: anything that changes a tenant; whoever answers a question here has been offered a probe.
May import: control's plane, tenants, workers and storage, project, contract.
"""
