"""The rows of the subject table, one module a service; `econsim.subjects` assembles them."""
