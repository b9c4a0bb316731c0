"""The shipped adversary: what somebody with an agent's credentials tries, and a judge who looks at the victims."""
