"""What is said of a train task, and reaches the Ray pods of its training as well."""

from __future__ import annotations

from kfp import dsl

EVERYTHING: list[dsl.TaskConfigPassthrough] = [
    dsl.TaskConfigPassthrough(field=field, apply_to_task=True) for field in dsl.TaskConfigField
]
"""Of a task whose own pod may train: resources, variables and secrets, tolerations, node selector,
affinity and volumes are its own, and those of a RayJob, if it makes one."""

TO_RAY_ALONE: list[dsl.TaskConfigPassthrough] = [
    dsl.TaskConfigPassthrough(field=field, apply_to_task=field is dsl.TaskConfigField.ENV)
    for field in dsl.TaskConfigField
]
"""Of a task whose own pod only waits: it needs the keys of S3, and no GPU."""
