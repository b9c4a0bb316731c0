"""The runtime of agents that think: cycles of effects as data, and the projection that agents perceive. Pure."""
