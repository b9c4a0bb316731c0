"""The shipped adversary: attacks by the holder of an agent's credentials, judged by their effect on the victims."""
