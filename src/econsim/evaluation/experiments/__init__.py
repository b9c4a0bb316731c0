"""Published results reproduced: each experiment runs shipped scenarios over many seeds and judges what came out.

Pure parts: `verdicts` (how a measured number meets a published one), `catalogue` (the experiments, as
data). `sampling` runs the in-process driver in parallel processes; `pictures` and `page` show the outcome.
The command line and the suite call `catalogue.find` and `sampling.sample`.
"""
