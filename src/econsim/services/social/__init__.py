"""Work of the social service: questions, messages and tasks as a projection of the log, one leader a run."""
