"""The work of the ledger service: the state of all accounts, and the only writer of it."""
