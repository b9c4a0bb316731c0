"""Files of agents: paths, chunks, versions, and the decisions about changes. Pure."""
