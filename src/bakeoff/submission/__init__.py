"""A bake-off on a cluster: submitted, followed, canceled, and its results fetched."""
