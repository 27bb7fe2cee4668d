"""The figures: which there are, what a run measured, and the forms in which they are shown.

Belongs here: metrics and their goals, samples, medians and ratios; JSON, table and picture.
Does not: anything that measures.
May import: rich, matplotlib; no package of ours.
"""
