"""Studies: treatments by grid by seeds of a scenario, run as a batch, compared with n the run and paired by seed.

`design` reads a design and checks it whole, `conditions` sets the scenario of each of its conditions; the batch is one of `bench`.
`outcome` has its numbers, `table`, `picture` and `page` show them. `designs/` holds the designs of the shipped experiments.
"""
