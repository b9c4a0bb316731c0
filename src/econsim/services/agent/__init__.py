"""The work of the agent service: a host that runs many agents."""
