"""What talks to Kubernetes: a training on a RayJob of KubeRay, from its making to its end."""
